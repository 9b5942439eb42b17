//! One hash of the default parameters, by every implementation that this processor can run, in processor time of one thread. Taken in turns, so that
//! what else the machine does falls on all alike.
//!
//! `cargo run --release -p argon --example compare`

use argon::{Inputs, Vectors};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rustix::time::{ClockId, clock_gettime};
use std::io::Write;

const ROUNDS: usize = 40;
const PASSWORD: &[u8] = b"correct horse battery staple";
const SALT: [u8; 16] = [7; 16];

fn main() -> std::io::Result<()> {
    let params = Params::new(19_456, 2, 1, None).map_err(std::io::Error::other)?;
    let mut memory = vec![Block::new(); params.block_count()];
    let ways: Vec<Option<Vectors>> =
        std::iter::once(None).chain(Vectors::all().into_iter().map(Some)).collect();
    let mut taken = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, taken) in ways.iter().zip(&mut taken) {
            let before = processor_ms();
            hash(*way, &params, &mut memory)?;
            taken.push(processor_ms() - before);
        }
    }
    let mut out = std::io::stdout().lock();
    for (way, mut taken) in ways.iter().zip(taken) {
        taken.sort_by(f64::total_cmp);
        let name = way.map_or("argon2 crate", Vectors::name);
        let (least, median) = (taken[0], taken[taken.len() / 2]);
        writeln!(out, "{name:14} median {median:5.2} ms, least {least:5.2} ms")?;
    }
    Ok(())
}

fn hash(way: Option<Vectors>, params: &Params, memory: &mut [Block]) -> std::io::Result<()> {
    let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
    let mut digest = [0; 32];
    match way {
        None => Argon2::new(algorithm, version, params.clone())
            .hash_password_into_with_memory(PASSWORD, &SALT, &mut digest, memory)
            .map_err(std::io::Error::other),
        Some(vectors) => {
            let inputs = Inputs { algorithm, version, params, password: PASSWORD, salt: &SALT, secret: b"" };
            vectors.hash(&inputs, memory, &mut digest).map_err(std::io::Error::other)
        }
    }
}

fn processor_ms() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    std::time::Duration::try_from(time).unwrap_or_default().as_secs_f64() * 1_000.0
}

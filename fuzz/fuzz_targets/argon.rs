//! The vectors of this processor give the answers of the portable path, for whatever is hashed at whatever small cost.
#![no_main]

use argon::{Algorithm, Block, Inputs, Params, Vectors, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some((&[kind, lanes, memory, passes, digest, salt, secret], rest)) = input.split_first_chunk::<7>() else {
        return;
    };
    let algorithm = [Algorithm::Argon2d, Algorithm::Argon2i, Algorithm::Argon2id][usize::from(kind % 3)];
    let version = if kind & 0x80 == 0 { Version::V0x13 } else { Version::V0x10 };
    let lanes = 1 + u32::from(lanes % 4);
    let cost = Params::new(8 * lanes + u32::from(memory), 1 + u32::from(passes % 3), lanes, None);
    let params = cost.expect("a cost that Argon2 can compute");
    let (salt, rest) = rest.split_at(rest.len().min(usize::from(salt % 64)));
    let (secret, password) = rest.split_at(rest.len().min(usize::from(secret % 32)));
    // Never fresh: what an earlier hash left must not matter.
    let blocks = || {
        let mut used = Block::new();
        used.as_mut().fill(0x5555_aaaa_5555_aaaa);
        vec![used; params.block_count()]
    };
    let mut expected = vec![0; usize::from(digest)];
    let portable = argon2::Argon2::new_with_secret(secret, algorithm, version, params.clone())
        .expect("a short secret")
        .hash_password_into_with_memory(password, salt, &mut expected, blocks());
    for vectors in Vectors::all() {
        let mut found = vec![0; usize::from(digest)];
        let inputs = Inputs { algorithm, version, params: &params, password, salt, secret };
        let hashed = vectors.hash(&inputs, &mut blocks(), &mut found);
        assert_eq!(hashed.is_ok(), portable.is_ok(), "{}", vectors.name());
        if hashed.is_ok() {
            assert_eq!(found, expected, "{}", vectors.name());
        }
    }
});

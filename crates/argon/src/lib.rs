//! Argon2 (RFC 9106) in the widest vectors of the processor: what a sign-in's time goes into.
//!
//! Owns the filling of the memory with AVX2 and AVX-512 instructions, and asking early for the block that is needed next. Refuses to know
//! stored hashes, threads and where the memory comes from. On a processor without either there is no [`Vectors`], and the caller uses
//! `argon2`, whose blocks and parameters this crate shares, and against which it is tested. Reasons and figures: `docs/adr/0009-argon2-in-vectors.md`.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod blake;
#[cfg(target_arch = "x86_64")]
mod fill;
#[cfg_attr(
    not(target_arch = "x86_64"),
    expect(dead_code, reason = "there is nothing here to fill a segment with")
)]
mod shape;

pub use argon2::{Algorithm, Block, Params, Version};

use shape::{SLICES, Segment, Shape};
use zeroize::Zeroize;

/// What is hashed, and at what cost. The associated data is that of the parameters; their length of the output is not looked at.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// Which of the three.
    pub algorithm: Algorithm,
    /// 1.0 overwrites in later passes, 1.3 mixes.
    pub version: Version,
    /// Memory, passes, lanes.
    pub params: &'a Params,
    /// The password.
    pub password: &'a [u8],
    /// The salt.
    pub salt: &'a [u8],
    /// A key, or nothing (RFC 9106 calls it the secret value).
    pub secret: &'a [u8],
}

/// Why nothing was hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// Fewer blocks were given than the parameters ask for.
    #[error("too little memory was given for these Argon2 parameters")]
    TooLittleMemory,
    /// A digest has 4 bytes at least, a salt 8, and nothing 2^32.
    #[error("an input of Argon2 is too short or too long")]
    Length,
}

/// A kind of vector that this processor has: it cannot be made without having looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vectors(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Vectors {
    /// All that this processor has, the fastest first.
    pub fn all() -> Vec<Self> {
        #[cfg(target_arch = "x86_64")]
        let found = [
            (std::arch::is_x86_feature_detected!("avx512f"), Kind::Avx512),
            (std::arch::is_x86_feature_detected!("avx2"), Kind::Avx2),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let found = [];
        found.into_iter().filter(|(has, _)| *has).map(|(_, kind)| Self(kind)).collect()
    }

    /// For people.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "AVX-512",
        }
    }

    /// Computes a digest as long as `digest`. The memory's first blocks are used and keep what was computed; wiping them is the owner's.
    pub fn hash(self, inputs: &Inputs<'_>, memory: &mut [Block], digest: &mut [u8]) -> Result<(), Unusable> {
        let shape = Shape::of(inputs);
        let memory = memory.get_mut(..shape.blocks()).ok_or(Unusable::TooLittleMemory)?;
        let mut first = blake::initial(inputs, digest.len())?;
        for lane in 0..shape.lanes {
            for column in 0..2 {
                blake::first_block(&first, column, lane, &mut memory[lane * shape.lane_length + column])?;
            }
        }
        first.zeroize();
        for pass in 0..shape.passes {
            for slice in 0..SLICES {
                for lane in 0..shape.lanes {
                    self.fill(&shape, Segment { pass, slice, lane }, memory);
                }
            }
        }
        let mut last = Block::new();
        for lane in memory.chunks_exact(shape.lane_length) {
            for (sum, word) in last.as_mut().iter_mut().zip(lane[shape.lane_length - 1].as_ref()) {
                *sum ^= word;
            }
        }
        let done = blake::last_block(&last, digest);
        last.zeroize();
        done
    }

    #[cfg(target_arch = "x86_64")]
    #[expect(unsafe_code, reason = "what needs AVX is called after a look at the processor")]
    fn fill(self, shape: &Shape, at: Segment, memory: &mut [Block]) {
        match self.0 {
            // SAFETY: a `Vectors` of this kind is made in `all` alone, where the processor said that it has AVX2.
            Kind::Avx2 => unsafe { avx2::fill(shape, at, memory) },
            // SAFETY: a `Vectors` of this kind is made in `all` alone, where the processor said that it has AVX-512F.
            Kind::Avx512 => unsafe { avx512::fill(shape, at, memory) },
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn fill(self, _shape: &Shape, _at: Segment, _memory: &mut [Block]) {
        match self.0 {}
    }
}

#[cfg(test)]
mod tests;

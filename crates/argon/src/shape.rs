//! How the memory is cut, and which block is looked at next (RFC 9106 sections 3.2 to 3.4).
//!
//! Numbers only: touches no memory.

use argon2::{Algorithm, Version};

use crate::Inputs;

/// A lane is cut into this many; no segment looks at one that is filled in the same breath.
pub(crate) const SLICES: usize = 4;

/// The parameters, as the filling needs them.
pub(crate) struct Shape {
    pub(crate) algorithm: Algorithm,
    /// Later passes mix with what is there (version 1.3) instead of overwriting it.
    pub(crate) mixes: bool,
    pub(crate) passes: usize,
    pub(crate) lanes: usize,
    pub(crate) lane_length: usize,
    pub(crate) segment_length: usize,
}

/// One lane's part of one slice.
#[derive(Clone, Copy)]
pub(crate) struct Segment {
    pub(crate) pass: usize,
    pub(crate) slice: usize,
    pub(crate) lane: usize,
}

impl Shape {
    pub(crate) fn of(inputs: &Inputs<'_>) -> Self {
        let lanes = size(inputs.params.p_cost());
        let segment_length = size(inputs.params.m_cost()) / (lanes * SLICES);
        Self {
            algorithm: inputs.algorithm,
            mixes: inputs.version == Version::V0x13,
            passes: size(inputs.params.t_cost()),
            lanes,
            lane_length: segment_length * SLICES,
            segment_length,
        }
    }

    pub(crate) fn blocks(&self) -> usize {
        self.lanes * self.lane_length
    }

    /// Whether the blocks looked at do not depend on the password (RFC 9106 section 3.4.1.2 and 3.4.1.3).
    pub(crate) fn is_independent(&self, at: Segment) -> bool {
        match self.algorithm {
            Algorithm::Argon2i => true,
            Algorithm::Argon2id => at.pass == 0 && at.slice < SLICES / 2,
            Algorithm::Argon2d => false,
        }
    }

    /// The number of the block that block `block` of the segment looks at, from 64 pseudo-random bits (RFC 9106 section 3.4.2).
    #[inline(always)]
    pub(crate) fn reference(&self, at: Segment, block: usize, random: u64) -> usize {
        let first = at.pass == 0;
        let lane = match self.lanes {
            1 => 0,
            _ if first && at.slice == 0 => at.lane,
            lanes => low(random >> 32) % lanes,
        };
        let complete =
            if first { at.slice * self.segment_length } else { self.lane_length - self.segment_length };
        // In its own lane all but the block just made, in others all that was complete before, but for the last at a segment's start.
        let area = if lane == at.lane { complete + block - 1 } else { complete - usize::from(block == 0) };
        let x = random & 0xffff_ffff;
        let back = low((area as u64 * ((x * x) >> 32)) >> 32);
        let start = if first || at.slice == SLICES - 1 { 0 } else { (at.slice + 1) * self.segment_length };
        let index = start + area - 1 - back;
        let index = if index >= self.lane_length { index - self.lane_length } else { index };
        lane * self.lane_length + index
    }
}

/// Only what is below 2^32 is given.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a number of 32 bits")]
fn low(number: u64) -> usize {
    number as usize
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

//! Walks through a segment (RFC 9106 sections 3.1.1 and 3.4), whatever vectors the blocks are made with.
//!
//! Owns which block is made from which, and asking for the next one's memory while this one is still computed: Argon2 waits for memory more
//! than for anything else. Inlined into a function for each kind of vector, so that all of it is compiled for that kind.

use argon2::Block;

use crate::shape::{Segment, Shape};

/// Words of a block, and addresses that one block of addresses holds.
const WORDS: usize = Block::SIZE / 8;
/// How many blocks before its turn a block is asked for, where that is known.
const AHEAD: usize = 2;
const ZERO: Block = Block::new();

/// One block to make, from two others, and whether with what is in its place.
pub(crate) struct Making<'a> {
    pub(crate) previous: usize,
    pub(crate) reference: usize,
    pub(crate) place: usize,
    pub(crate) mixes: bool,
    shape: &'a Shape,
    at: Segment,
    /// The block of the segment after this one, if this one decides what that looks at.
    next: Option<usize>,
}

impl Making<'_> {
    /// To be told this block's first word as soon as it is known. Gives the number of the block that the next one looks at, and asks for its memory.
    #[inline(always)]
    pub(crate) fn first_word_is(&self, memory: &[Block], word: u64) -> usize {
        let Some(next) = self.next else { return 0 };
        let reference = self.shape.reference(self.at, next, word);
        prefetch(&memory[reference]);
        reference
    }
}

/// Fills a segment. `mix` is the compression function G (RFC 9106 section 3.5); `make` puts G of the two others into a block's place and
/// returns what `first_word_is` gave it.
#[inline(always)]
pub(crate) fn segment(
    shape: &Shape,
    at: Segment,
    memory: &mut [Block],
    mix: impl Fn(&Block, &Block) -> Block,
    make: impl Fn(&mut [Block], &Making<'_>) -> usize,
) {
    // The first two blocks of each lane are made from the inputs.
    let from = if at.pass == 0 && at.slice == 0 { 2 } else { 0 };
    let start = at.lane * shape.lane_length + at.slice * shape.segment_length;
    let wraps = at.slice == 0 && from == 0;
    let mut previous = if wraps { start + shape.lane_length - 1 } else { start + from - 1 };
    let mixes = at.pass > 0 && shape.mixes;
    let making = |previous, reference, block, next| {
        let place = start + block;
        Making { previous, reference, place, mixes, shape, at, next }
    };
    if !shape.is_independent(at) {
        let mut reference = shape.reference(at, from, memory[previous].as_ref()[0]);
        for block in from..shape.segment_length {
            let next = Some(block + 1).filter(|next| *next < shape.segment_length);
            reference = make(memory, &making(previous, reference, block, next));
            previous = start + block;
        }
        return;
    }
    let mut input = Block::new();
    let numbers = [at.pass, at.lane, at.slice, shape.blocks(), shape.passes, shape.algorithm as usize];
    for (word, number) in input.as_mut().iter_mut().zip(numbers) {
        *word = number as u64;
    }
    let mut references = [0; WORDS];
    for group in (0..shape.segment_length).step_by(WORDS) {
        input.as_mut()[6] += 1;
        let addresses = mix(&ZERO, &mix(&ZERO, &input));
        let (first, end) = (group.max(from), (group + WORDS).min(shape.segment_length));
        for block in first..end {
            references[block - group] = shape.reference(at, block, addresses.as_ref()[block - group]);
        }
        for block in first..end {
            let ahead = (block + AHEAD).min(end - 1);
            prefetch(&memory[references[ahead - group]]);
            make(memory, &making(previous, references[block - group], block, None));
            previous = start + block;
        }
    }
}

/// Asks for a block's memory and goes on. Changes nothing that a program can see but its time.
#[inline(always)]
#[expect(unsafe_code, reason = "the only way to ask for memory without waiting for it")]
fn prefetch(block: &Block) {
    use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    for line in block.as_ref().as_chunks::<8>().0 {
        // SAFETY: a prefetch reads nothing and cannot fault; SSE, which it belongs to, is part of x86-64.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast()) }
    }
}

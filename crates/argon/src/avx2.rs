//! Blocks in AVX2: thirty-two registers' worth of four words, of which the processor holds sixteen.
//!
//! A block is eight rows of sixteen words, so a row is four registers. Two rows, or two columns' pairs, are worked on at once.

use argon2::Block;
use core::arch::x86_64::{
    __m256i, _mm_cvtsi128_si64, _mm256_add_epi64, _mm256_castpd_si256, _mm256_castsi256_pd,
    _mm256_castsi256_si128, _mm256_loadu_si256, _mm256_mul_epu32, _mm256_or_si256, _mm256_permute4x64_epi64,
    _mm256_setr_epi8, _mm256_shuffle_epi8, _mm256_shuffle_epi32, _mm256_shuffle_pd, _mm256_srli_epi64,
    _mm256_storeu_si256, _mm256_xor_si256,
};
use core::array;

use crate::fill::{self, Making};
use crate::shape::{Segment, Shape};

type Four = __m256i;
type State = [Four; 32];
/// Two registers that are worked on side by side: alone, each would wait for its own multiplications.
type Two = [Four; 2];

/// Fills a segment.
#[target_feature(enable = "avx2")]
pub(crate) fn fill(shape: &Shape, at: Segment, memory: &mut [Block]) {
    fill::segment(shape, at, memory, |one, other| mix(one, other), |memory, making| make(memory, making));
}

#[inline]
#[target_feature(enable = "avx2")]
fn mix(one: &Block, other: &Block) -> Block {
    let sum = xor(&load(one), &load(other));
    let mut state = sum;
    rows(&mut state);
    columns::<0>(&mut state);
    other_columns(&mut state);
    let mut block = Block::new();
    store(&mut block, &xor(&state, &sum));
    block
}

#[inline]
#[target_feature(enable = "avx2")]
fn make(memory: &mut [Block], making: &Making<'_>) -> usize {
    let sum = xor(&load(&memory[making.previous]), &load(&memory[making.reference]));
    let mut state = sum;
    rows(&mut state);
    let last = if making.mixes { xor(&sum, &load(&memory[making.place])) } else { sum };
    columns::<0>(&mut state);
    // The first word stands now, with three eighths of the work to come.
    let word = _mm_cvtsi128_si64(_mm256_castsi256_si128(_mm256_xor_si256(state[0], last[0])));
    let reference = making.first_word_is(memory, word.cast_unsigned());
    other_columns(&mut state);
    store(&mut memory[making.place], &xor(&state, &last));
    reference
}

/// P on all rows.
#[inline]
#[target_feature(enable = "avx2")]
fn rows(state: &mut State) {
    for from in [0, 8, 16, 24] {
        let two = |word: usize| [state[from + word], state[from + 4 + word]];
        let (mut a, mut b, mut c, mut d) = (two(0), two(1), two(2), two(3));
        round(&mut a, &mut b, &mut c, &mut d);
        (b, c, d) = (b.map(|x| turn::<1>(x)), c.map(|x| turn::<2>(x)), d.map(|x| turn::<3>(x)));
        round(&mut a, &mut b, &mut c, &mut d);
        (b, c, d) = (b.map(|x| turn::<3>(x)), c.map(|x| turn::<2>(x)), d.map(|x| turn::<1>(x)));
        for (word, two) in [a, b, c, d].into_iter().enumerate() {
            (state[from + word], state[from + 4 + word]) = (two[0], two[1]);
        }
    }
}

/// P on all columns but the first two.
#[inline]
#[target_feature(enable = "avx2")]
fn other_columns(state: &mut State) {
    columns::<1>(state);
    columns::<2>(state);
    columns::<3>(state);
}

/// P on two columns: register `PLACE` of each row.
#[inline]
#[target_feature(enable = "avx2")]
fn columns<const PLACE: usize>(state: &mut State) {
    let two = |row: usize| [state[4 * row + PLACE], state[4 * row + 4 + PLACE]];
    let (mut a, mut b, mut c, mut d) = (two(0), two(2), two(4), two(6));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (across(b), [c[1], c[0]], across([d[1], d[0]]));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (across([b[1], b[0]]), [c[1], c[0]], across(d));
    for (row, two) in [a, b, c, d].into_iter().enumerate() {
        (state[8 * row + PLACE], state[8 * row + 4 + PLACE]) = (two[0], two[1]);
    }
}

/// Four words turned by `BY`.
#[inline]
#[target_feature(enable = "avx2")]
fn turn<const BY: usize>(x: Four) -> Four {
    match BY {
        1 => _mm256_permute4x64_epi64::<0b00_11_10_01>(x),
        2 => _mm256_permute4x64_epi64::<0b01_00_11_10>(x),
        _ => _mm256_permute4x64_epi64::<0b10_01_00_11>(x),
    }
}

/// Four words in two registers, two in each, turned by one.
#[inline]
#[target_feature(enable = "avx2")]
fn across([x, y]: Two) -> Two {
    let (x, y) = (_mm256_castsi256_pd(x), _mm256_castsi256_pd(y));
    [
        _mm256_castpd_si256(_mm256_shuffle_pd::<0b0101>(x, y)),
        _mm256_castpd_si256(_mm256_shuffle_pd::<0b0101>(y, x)),
    ]
}

/// GB on eight columns of four words (RFC 9106 section 3.6).
#[inline]
#[target_feature(enable = "avx2")]
fn round(a: &mut Two, b: &mut Two, c: &mut Two, d: &mut Two) {
    for n in 0..2 {
        a[n] = add(a[n], b[n]);
        d[n] = _mm256_shuffle_epi32::<0b10_11_00_01>(_mm256_xor_si256(d[n], a[n]));
    }
    for n in 0..2 {
        c[n] = add(c[n], d[n]);
        b[n] = right_24(_mm256_xor_si256(b[n], c[n]));
    }
    for n in 0..2 {
        a[n] = add(a[n], b[n]);
        d[n] = right_16(_mm256_xor_si256(d[n], a[n]));
    }
    for n in 0..2 {
        c[n] = add(c[n], d[n]);
        b[n] = right_63(_mm256_xor_si256(b[n], c[n]));
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn right_24(x: Four) -> Four {
    let bytes = _mm256_setr_epi8(
        3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8, 9, 10, 3, 4, 5, 6, 7, 0, 1, 2, 11, 12, 13, 14, 15, 8,
        9, 10,
    );
    _mm256_shuffle_epi8(x, bytes)
}

#[inline]
#[target_feature(enable = "avx2")]
fn right_16(x: Four) -> Four {
    let bytes = _mm256_setr_epi8(
        2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15, 8, 9, 2, 3, 4, 5, 6, 7, 0, 1, 10, 11, 12, 13, 14, 15,
        8, 9,
    );
    _mm256_shuffle_epi8(x, bytes)
}

#[inline]
#[target_feature(enable = "avx2")]
fn right_63(x: Four) -> Four {
    _mm256_or_si256(_mm256_srli_epi64::<63>(x), _mm256_add_epi64(x, x))
}

/// x + y + 2 * low half of x * low half of y.
#[inline]
#[target_feature(enable = "avx2")]
fn add(x: Four, y: Four) -> Four {
    let product = _mm256_mul_epu32(x, y);
    _mm256_add_epi64(_mm256_add_epi64(x, y), _mm256_add_epi64(product, product))
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor(one: &State, other: &State) -> State {
    array::from_fn(|n| _mm256_xor_si256(one[n], other[n]))
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "registers are loaded through pointers")]
fn load(block: &Block) -> State {
    let (fours, _) = block.as_ref().as_chunks::<4>();
    // SAFETY: each pointer is that of a reference to four words, which are 32 bytes; alignment is not asked for.
    array::from_fn(|n| unsafe { _mm256_loadu_si256(fours[n].as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx2")]
#[expect(unsafe_code, reason = "registers are stored through pointers")]
fn store(block: &mut Block, state: &State) {
    let (fours, _) = block.as_mut().as_chunks_mut::<4>();
    for (four, register) in fours.iter_mut().zip(state) {
        // SAFETY: the pointer is that of a unique reference to four words, which are 32 bytes; alignment is not asked for.
        unsafe { _mm256_storeu_si256(four.as_mut_ptr().cast(), *register) }
    }
}

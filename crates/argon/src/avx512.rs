//! Blocks in AVX-512: sixteen registers of eight words, and rotation in one instruction.
//!
//! A block is eight rows of sixteen words (RFC 9106 section 3.5 numbers them as 8 by 8 pairs), so a row is two registers.

use argon2::Block;
use core::arch::x86_64::{
    __m512i, _mm_cvtsi128_si64, _mm512_add_epi64, _mm512_castpd_si512, _mm512_castsi512_pd,
    _mm512_castsi512_si128, _mm512_loadu_si512, _mm512_mul_epu32, _mm512_permutex_epi64, _mm512_ror_epi64,
    _mm512_shuffle_i64x2, _mm512_shuffle_pd, _mm512_storeu_si512, _mm512_xor_si512,
};
use core::array;

use crate::fill::{self, Making};
use crate::shape::{Segment, Shape};

type Eight = __m512i;
type State = [Eight; 16];
/// Two registers that are worked on side by side: alone, each would wait for its own multiplications.
type Two = [Eight; 2];

/// Fills a segment.
#[target_feature(enable = "avx512f")]
pub(crate) fn fill(shape: &Shape, at: Segment, memory: &mut [Block]) {
    fill::segment(shape, at, memory, |one, other| mix(one, other), |memory, making| make(memory, making));
}

#[inline]
#[target_feature(enable = "avx512f")]
fn mix(one: &Block, other: &Block) -> Block {
    let sum = xor(&load(one), &load(other));
    let mut state = sum;
    rows::<0>(&mut state);
    rows::<8>(&mut state);
    columns::<0>(&mut state);
    columns::<1>(&mut state);
    let mut block = Block::new();
    store(&mut block, &xor(&state, &sum));
    block
}

#[inline]
#[target_feature(enable = "avx512f")]
fn make(memory: &mut [Block], making: &Making<'_>) -> usize {
    let sum = xor(&load(&memory[making.previous]), &load(&memory[making.reference]));
    let mut state = sum;
    rows::<0>(&mut state);
    rows::<8>(&mut state);
    let last = if making.mixes { xor(&sum, &load(&memory[making.place])) } else { sum };
    columns::<0>(&mut state);
    // The first word stands now, with a third of the work to come.
    let word = _mm_cvtsi128_si64(_mm512_castsi512_si128(_mm512_xor_si512(state[0], last[0])));
    let reference = making.first_word_is(memory, word.cast_unsigned());
    columns::<1>(&mut state);
    store(&mut memory[making.place], &xor(&state, &last));
    reference
}

/// P on four rows, from register `FROM` on.
#[inline]
#[target_feature(enable = "avx512f")]
fn rows<const FROM: usize>(state: &mut State) {
    let low = |x, y| _mm512_shuffle_i64x2::<0b01_00_01_00>(x, y);
    let high = |x, y| _mm512_shuffle_i64x2::<0b11_10_11_10>(x, y);
    let pair = |from: usize| array::from_fn(|n| (state[FROM + from + 4 * n], state[FROM + from + 2 + 4 * n]));
    let (left, right): ([_; 2], [_; 2]) = (pair(0), pair(1));
    let (mut a, mut b) = (left.map(|(x, y)| low(x, y)), left.map(|(x, y)| high(x, y)));
    let (mut c, mut d) = (right.map(|(x, y)| low(x, y)), right.map(|(x, y)| high(x, y)));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (b.map(|x| turn::<1>(x)), c.map(|x| turn::<2>(x)), d.map(|x| turn::<3>(x)));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (b.map(|x| turn::<3>(x)), c.map(|x| turn::<2>(x)), d.map(|x| turn::<1>(x)));
    for n in 0..2 {
        let at = FROM + 4 * n;
        (state[at], state[at + 2]) = (low(a[n], b[n]), high(a[n], b[n]));
        (state[at + 1], state[at + 3]) = (low(c[n], d[n]), high(c[n], d[n]));
    }
}

/// P on four columns: the left (0) or right (1) register of each row.
#[inline]
#[target_feature(enable = "avx512f")]
fn columns<const SIDE: usize>(state: &mut State) {
    let two = |row: usize| [state[2 * row + SIDE], state[2 * row + 2 + SIDE]];
    let (mut a, mut b, mut c, mut d) = (two(0), two(2), two(4), two(6));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (across(b), [c[1], c[0]], across([d[1], d[0]]));
    round(&mut a, &mut b, &mut c, &mut d);
    (b, c, d) = (across([b[1], b[0]]), [c[1], c[0]], across(d));
    for (row, two) in [a, b, c, d].into_iter().enumerate() {
        (state[4 * row + SIDE], state[4 * row + 2 + SIDE]) = (two[0], two[1]);
    }
}

/// Four words in each half of the register, turned by `BY`.
#[inline]
#[target_feature(enable = "avx512f")]
fn turn<const BY: usize>(x: Eight) -> Eight {
    match BY {
        1 => _mm512_permutex_epi64::<0b00_11_10_01>(x),
        2 => _mm512_permutex_epi64::<0b01_00_11_10>(x),
        _ => _mm512_permutex_epi64::<0b10_01_00_11>(x),
    }
}

/// Four words in two registers, two in each, turned by one.
#[inline]
#[target_feature(enable = "avx512f")]
fn across([x, y]: Two) -> Two {
    let (x, y) = (_mm512_castsi512_pd(x), _mm512_castsi512_pd(y));
    [
        _mm512_castpd_si512(_mm512_shuffle_pd::<0b0101_0101>(x, y)),
        _mm512_castpd_si512(_mm512_shuffle_pd::<0b0101_0101>(y, x)),
    ]
}

/// GB on eight columns of four words, twice (RFC 9106 section 3.6).
#[inline]
#[target_feature(enable = "avx512f")]
fn round(a: &mut Two, b: &mut Two, c: &mut Two, d: &mut Two) {
    for n in 0..2 {
        a[n] = add(a[n], b[n]);
        d[n] = _mm512_ror_epi64::<32>(_mm512_xor_si512(d[n], a[n]));
    }
    for n in 0..2 {
        c[n] = add(c[n], d[n]);
        b[n] = _mm512_ror_epi64::<24>(_mm512_xor_si512(b[n], c[n]));
    }
    for n in 0..2 {
        a[n] = add(a[n], b[n]);
        d[n] = _mm512_ror_epi64::<16>(_mm512_xor_si512(d[n], a[n]));
    }
    for n in 0..2 {
        c[n] = add(c[n], d[n]);
        b[n] = _mm512_ror_epi64::<63>(_mm512_xor_si512(b[n], c[n]));
    }
}

/// x + y + 2 * low half of x * low half of y.
#[inline]
#[target_feature(enable = "avx512f")]
fn add(x: Eight, y: Eight) -> Eight {
    let product = _mm512_mul_epu32(x, y);
    _mm512_add_epi64(_mm512_add_epi64(x, y), _mm512_add_epi64(product, product))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor(one: &State, other: &State) -> State {
    array::from_fn(|n| _mm512_xor_si512(one[n], other[n]))
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "registers are loaded through pointers")]
fn load(block: &Block) -> State {
    let (eights, _) = block.as_ref().as_chunks::<8>();
    // SAFETY: each pointer is that of a reference to eight words, which are 64 bytes; alignment is not asked for.
    array::from_fn(|n| unsafe { _mm512_loadu_si512(eights[n].as_ptr().cast()) })
}

#[inline]
#[target_feature(enable = "avx512f")]
#[expect(unsafe_code, reason = "registers are stored through pointers")]
fn store(block: &mut Block, state: &State) {
    let (eights, _) = block.as_mut().as_chunks_mut::<8>();
    for (eight, register) in eights.iter_mut().zip(state) {
        // SAFETY: the pointer is that of a unique reference to eight words, which are 64 bytes; alignment is not asked for.
        unsafe { _mm512_storeu_si512(eight.as_mut_ptr().cast(), *register) }
    }
}

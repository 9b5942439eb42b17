//! What is before and after the memory: the inputs' hash, the first blocks, the digest (RFC 9106 sections 3.2 and 3.3).
//!
//! BLAKE2b itself is the `blake2` crate's.

use argon2::Block;
use blake2::Blake2bVarCore;
use blake2::digest::block_api::{UpdateCore, VariableOutputCore};
use blake2::digest::block_buffer::LazyBuffer;
use zeroize::{Zeroize, Zeroizing};

use crate::{Inputs, Unusable};

const HASH: usize = 64;
const LEAST_DIGEST: usize = 4;
const LEAST_SALT: usize = 8;

/// H0.
pub(crate) fn initial(inputs: &Inputs<'_>, digest_length: usize) -> Result<[u8; HASH], Unusable> {
    if digest_length < LEAST_DIGEST || inputs.salt.len() < LEAST_SALT {
        return Err(Unusable::Length);
    }
    let data = inputs.params.data();
    let numbers = [
        inputs.params.p_cost(),
        length(digest_length)?,
        inputs.params.m_cost(),
        inputs.params.t_cost(),
        u32::from(inputs.version),
        inputs.algorithm as u32,
    ];
    let numbers = numbers.map(u32::to_le_bytes);
    let (password, salt) = (length(inputs.password.len())?, length(inputs.salt.len())?);
    let (secret, associated) = (length(inputs.secret.len())?, length(data.len())?);
    let mut hash = [0; HASH];
    blake2b(
        &[
            numbers.as_flattened(),
            &password.to_le_bytes(),
            inputs.password,
            &salt.to_le_bytes(),
            inputs.salt,
            &secret.to_le_bytes(),
            inputs.secret,
            &associated.to_le_bytes(),
            data,
        ],
        &mut hash,
    )?;
    Ok(hash)
}

/// The first (0) or second (1) block of a lane.
pub(crate) fn first_block(
    initial: &[u8; HASH],
    column: usize,
    lane: usize,
    block: &mut Block,
) -> Result<(), Unusable> {
    let (column, lane) = (length(column)?.to_le_bytes(), length(lane)?.to_le_bytes());
    let mut bytes = Zeroizing::new([0; Block::SIZE]);
    long_hash(&[initial, &column, &lane], bytes.as_mut_slice())?;
    let (eights, _) = bytes.as_chunks::<8>();
    for (word, eight) in block.as_mut().iter_mut().zip(eights) {
        *word = u64::from_le_bytes(*eight);
    }
    Ok(())
}

/// The digest, from the sum of the lanes' last blocks.
pub(crate) fn last_block(block: &Block, digest: &mut [u8]) -> Result<(), Unusable> {
    let mut bytes = Zeroizing::new([0; Block::SIZE]);
    for (eight, word) in bytes.chunks_exact_mut(8).zip(block.as_ref()) {
        eight.copy_from_slice(&word.to_le_bytes());
    }
    long_hash(&[bytes.as_slice()], digest)
}

/// H', BLAKE2b for outputs of any length (RFC 9106 section 3.3).
fn long_hash(inputs: &[&[u8]], output: &mut [u8]) -> Result<(), Unusable> {
    let prefix = length(output.len())?.to_le_bytes();
    let mut all: Vec<&[u8]> = vec![&prefix];
    all.extend_from_slice(inputs);
    if output.len() <= HASH {
        return blake2b(&all, output);
    }
    let mut last = Zeroizing::new([0; HASH]);
    blake2b(&all, last.as_mut_slice())?;
    let mut rest = output;
    loop {
        let (half, tail) = rest.split_at_mut(HASH / 2);
        half.copy_from_slice(&last[..HASH / 2]);
        rest = tail;
        if rest.len() <= HASH {
            return blake2b(&[last.as_slice()], rest);
        }
        let before = last.clone();
        blake2b(&[before.as_slice()], last.as_mut_slice())?;
    }
}

fn blake2b(inputs: &[&[u8]], output: &mut [u8]) -> Result<(), Unusable> {
    let mut core = Blake2bVarCore::new(output.len()).map_err(|_| Unusable::Length)?;
    let mut buffer = LazyBuffer::default();
    for input in inputs {
        buffer.digest_blocks(input, |blocks| core.update_blocks(blocks));
    }
    let mut full = Default::default();
    core.finalize_variable_core(&mut buffer, &mut full);
    output.copy_from_slice(&full[..output.len()]);
    full.as_mut_slice().zeroize();
    Ok(())
}

fn length(length: usize) -> Result<u32, Unusable> {
    u32::try_from(length).map_err(|_| Unusable::Length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use blake2::digest::block_api::Buffer;
    use zeroize::ZeroizeOnDrop;

    #[test]
    fn what_blake2b_keeps_of_a_password_is_wiped_when_it_goes() {
        // Compiled only when the feature of `blake2` that does it is on.
        fn is_wiped<T: ZeroizeOnDrop>() {}
        is_wiped::<Blake2bVarCore>();
        is_wiped::<Buffer<Blake2bVarCore>>();
    }
}

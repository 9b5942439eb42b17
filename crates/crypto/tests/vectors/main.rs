//! What the RFCs print, what they forbid, and what must hold for any input. One binary, to link once.

#[cfg(test)]
mod assertions;
#[cfg(test)]
mod hashes;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod tokens;

//! The binary as an operator meets it: real processes on real data directories. Knows nothing of what is inside.

mod administration;
mod backup;
mod demo;
mod help;
mod process;
mod serving;
mod settings;

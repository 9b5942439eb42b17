//! The binary as an operator meets it: real processes on real data directories. Knows nothing of what is inside.

#[cfg(test)]
mod administration;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod client_certificates;
#[cfg(test)]
mod command_line;
#[cfg(test)]
mod demo;
#[cfg(test)]
mod documented;
#[cfg(test)]
mod dumps;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod growing;
#[cfg(test)]
mod handover;
#[cfg(test)]
mod help;
#[cfg(test)]
mod issuer;
#[cfg(test)]
mod login;
#[cfg(test)]
mod measuring;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod nodes;
#[cfg(test)]
mod object_store;
#[cfg(test)]
mod organizations;
#[cfg(test)]
mod places;
#[cfg(test)]
mod presets;
#[cfg(test)]
mod process;
#[cfg(test)]
mod profiles;
#[cfg(test)]
mod prometheus;
#[cfg(test)]
mod published_keys;
#[cfg(test)]
mod self_signed;
#[cfg(test)]
mod serving;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod store;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod workers;

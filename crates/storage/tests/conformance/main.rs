//! What every storage engine promises, and what this one does when the disk, the queue or another process does not cooperate.

#[macro_use]
#[cfg(test)]
mod engines;

#[cfg(test)]
mod api_keys;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod commits;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod copying;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod devices;
#[cfg(test)]
mod disk;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod filled;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod given_subjects;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod guards;
#[cfg(test)]
mod held;
#[cfg(test)]
mod load;
#[cfg(test)]
mod model;
#[cfg(test)]
mod names;
#[cfg(test)]
mod network;
#[cfg(test)]
mod once;
#[cfg(test)]
mod organizations;
#[cfg(test)]
mod overload;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod pooled;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod shipping;
#[cfg(test)]
mod sweeping;
#[cfg(test)]
mod upgrading;
#[cfg(test)]
mod values;
#[cfg(test)]
mod versions;

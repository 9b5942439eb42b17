//! What every engine on a server shares. The engines themselves are in the folders of their names; each is a [`driver::Driver`].

pub(crate) mod driver;

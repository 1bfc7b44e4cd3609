//! The reader, end to end, over folders and archives built here.

#[cfg(test)]
mod archives;
#[cfg(test)]
mod corpus;
#[cfg(test)]
mod fixture;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod nesting;
#[cfg(test)]
mod pack;
#[cfg(test)]
mod plain;
#[cfg(test)]
mod tools;

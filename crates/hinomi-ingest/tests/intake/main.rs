//! The reader, end to end, over folders and archives built here.

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod plain;

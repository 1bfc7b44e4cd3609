//! The command line's library: arguments, exit codes and rendering.

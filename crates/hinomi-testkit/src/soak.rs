//! How long a test goes on: a tenth or less in the ordinary run, all of it in a soak (`make soak`, `HINOMI_SOAK=1`).

/// Whether this run is a soak.
pub fn soaking() -> bool {
    std::env::var_os("HINOMI_SOAK").is_some_and(|v| v == "1")
}

/// `usual` rounds in the ordinary run, `whole` in a soak.
pub fn rounds<N>(usual: N, whole: N) -> N {
    if soaking() { whole } else { usual }
}

//! However content is packed, the same bytes come out.

use hinomi_ingest::intake::{Limits, Root, read_member_range};
use proptest::prelude::*;

use crate::fixture::{Folder, gzip, options, read_with, zstd};
use crate::pack::{Style, entry, tar, zip_as};

/// One way to wrap bytes, with the name it adds to the way inside.
#[derive(Clone, Debug)]
enum Wrap {
    Gzip,
    Zstd,
    Tar(String),
    Zip(String, bool, bool, bool),
}

impl Wrap {
    fn pack(&self, data: Vec<u8>) -> Vec<u8> {
        let beside = entry("beside.txt", "another log line\n");
        match self {
            Self::Gzip => gzip(&data),
            Self::Zstd => zstd(&data),
            Self::Tar(name) => tar(&[beside, entry(name, data)]),
            Self::Zip(name, stored, descriptor, wide) => {
                // A stored member with a descriptor can be found by the directory only.
                let style = Style { stored: *stored, descriptor: *descriptor && !*stored, wide: *wide };
                zip_as(&[beside, entry(name, data)], style)
            }
        }
    }
}

fn wrap() -> impl Strategy<Value = Wrap> {
    let name = "[a-z]{1,6}(/[a-zA-Z%3. ]{1,8}x)?";
    prop_oneof![
        Just(Wrap::Gzip),
        Just(Wrap::Zstd),
        name.prop_map(Wrap::Tar),
        (name, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(|(n, a, b, c)| Wrap::Zip(n, a, b, c)),
    ]
}

/// At most four archives, and not more than two compressions in a row.
fn is_legal(wraps: &[Wrap]) -> bool {
    let is_peel = |w: &Wrap| matches!(w, Wrap::Gzip | Wrap::Zstd);
    wraps.iter().filter(|w| !is_peel(w)).count() <= 4 && !wraps.windows(3).any(|w| w.iter().all(is_peel))
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec("[ -~]{0,60}", 1..200)
        .prop_map(|lines| lines.iter().flat_map(|l| format!("2026-01-01 log {l}\n").into_bytes()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_nesting_yields_the_same_bytes(
        text in text(),
        wraps in proptest::collection::vec(wrap(), 0..6).prop_filter("legal", |w| is_legal(w)),
        unit_bytes in 100usize..4000,
        in_memory in any::<bool>(),
    ) {
        let mut packed = text.clone();
        let mut names = Vec::new();
        for wrap in &wraps {
            packed = wrap.pack(packed);
            if let Wrap::Tar(name) | Wrap::Zip(name, ..) = wrap {
                names.insert(0, name.clone());
            }
        }
        let inner = names.join("/");
        let folder = Folder::new();
        let path = folder.put("case", &packed);
        let mut options = options();
        options.limits.unit_bytes = unit_bytes;
        options.limits.nested_zip_bytes = if in_memory { 1 << 20 } else { 50 };
        let from_disk = read_with(vec![Root::Path(path.clone())], options.clone());
        let reader = Box::new(Dribble(packed, 0));
        let arriving = read_with(vec![Root::Stream { name: path.to_str().unwrap().to_owned(), reader }], options);
        for read in [from_disk, arriving] {
            prop_assert_eq!(&read.losses, &[]);
            let place = if inner.is_empty() { path.to_str().unwrap().to_owned() } else { format!("{}!{inner}", path.display()) };
            prop_assert_eq!(read.contents.get(&place), Some(&text), "{} among {:?}", place, read.names());
        }
        let (offset, length) = (text.len() / 3, text.len() / 4);
        let cited = read_member_range(&path, &inner, offset as u64, length as u32, &Limits::default()).unwrap();
        prop_assert_eq!(&cited[..], &text[offset..offset + length]);
    }
}

/// Hands out a few bytes at a time, as pipes do.
struct Dribble(Vec<u8>, usize);

impl std::io::Read for Dribble {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let left = &self.0[self.1..];
        let count = left.len().min(buffer.len()).min(1 + self.1 % 977);
        buffer[..count].copy_from_slice(&left[..count]);
        self.1 += count;
        Ok(count)
    }
}

//! Recognition by content, from the first block.

use super::class::Class;
use super::options::Format;
use super::tar;
use crate::flow::is_flow;
use crate::journal::is_journal;

/// A way bytes are packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
    Zip,
    Tar,
    Unsupported(&'static str),
}

/// Byte order of UTF-16 text, and the length of the mark that said so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Wide {
    Little { mark: usize },
    Big { mark: usize },
}

/// Packings whose members are not read, by magic number.
const UNSUPPORTED: &[(&[u8], &str)] = &[
    (b"\xfd7zXZ\0", "xz"),
    (b"BZh", "bzip2"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"MSCF\0\0\0\0", "CAB"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x1f\x9d", "compress (.Z)"),
    (b"LZIP", "lzip"),
    (b"070701", "cpio"),
    (b"!<arch>\n", "ar"),
];

/// Files that hold no log lines, by offset and magic number.
const NOT_LOGS: &[(usize, &[u8], &str)] = &[
    (0, b"MZ", "Windows executable"),
    (0, b"\x7fELF", "ELF executable"),
    (0, b"\xfe\xed\xfa\xce", "Mach-O executable"),
    (0, b"\xfe\xed\xfa\xcf", "Mach-O executable"),
    (0, b"\xcf\xfa\xed\xfe", "Mach-O executable"),
    (0, b"\xca\xfe\xba\xbe", "Java or Mach-O executable"),
    (0, b"\0asm", "WebAssembly"),
    (0, b"\x89PNG\r\n\x1a\n", "PNG image"),
    (0, b"\xff\xd8\xff", "JPEG image"),
    (0, b"GIF8", "GIF image"),
    (0, b"BM", "BMP image"),
    (0, b"RIFF", "RIFF media"),
    (0, b"\0\0\x01\0", "icon"),
    (0, b"OggS", "Ogg media"),
    (0, b"ID3", "MP3 audio"),
    (4, b"ftyp", "MP4 media"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska media"),
    (0, b"%PDF-", "PDF document"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE compound file"),
    (0, b"wOFF", "font"),
    (0, b"wOF2", "font"),
    (0, b"\0\x01\0\0\0", "font"),
    (0, b"SQLite format 3\0", "SQLite database"),
    (4, b"\xef\xcd\xab\x89", "ESE database"),
    (0, b"regf", "registry hive"),
    (0, b"HvLE", "registry log"),
    (0, b"MAM\x04", "prefetch file"),
    (4, b"SCCA", "prefetch file"),
    (0, b"FILE0", "NTFS file table"),
    (0, b"RSTR", "NTFS journal"),
    (0, b"RCRD", "NTFS journal"),
    (0, b"L\0\0\0\x01\x14\x02\0", "shell link"),
    (0, b"LPKSHHRH", "systemd journal"),
    (0, b"\xd4\xc3\xb2\xa1", "packet capture"),
    (0, b"\xa1\xb2\xc3\xd4", "packet capture"),
    (0, b"\x4d\x3c\xb2\xa1", "packet capture"),
    (0, b"\x0a\x0d\x0d\x0a", "packet capture"),
    (0, b"MDMP", "memory dump"),
    (0, b"PAGEDU", "memory dump"),
    (0, b"\xfe\xed\xfe\xed", "Java key store"),
];

/// Whether bytes begin like something compressed or archived, whose content is not searched as it stands.
pub fn is_packed(head: &[u8]) -> bool {
    packing(head).is_some()
}

/// Packing of a block, by magic number.
pub(crate) fn packing(head: &[u8]) -> Option<Packing> {
    match head {
        [0x1f, 0x8b, 8, flags, ..] if flags & 0xe0 == 0 => return Some(Packing::Gzip),
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => return Some(Packing::Zstd),
        [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] | [b'P', b'K', 7, 8, b'P', b'K', 3, 4, ..] => {
            return Some(Packing::Zip);
        }
        _ => {}
    }
    if tar::is_header(head) {
        return Some(Packing::Tar);
    }
    let named = UNSUPPORTED.iter().find(|(magic, _)| head.starts_with(magic));
    named.filter(|(magic, _)| *magic != b"BZh" || is_bzip2(head)).map(|(_, name)| Packing::Unsupported(name))
}

/// `BZh` is also a word a line could start with: the block magic must follow.
fn is_bzip2(head: &[u8]) -> bool {
    head.get(4..10).is_some_and(|m| m == b"\x31\x41\x59\x26\x53\x59" || m == b"\x17\x72\x45\x38\x50\x90")
}

/// Class of unpacked bytes. `whole` says that `head` is all of them.
pub(crate) fn class(head: &[u8], whole: bool) -> Class {
    if head.is_empty() {
        return Class::Empty;
    }
    if head.starts_with(b"ElfFile\0") || memchr::memmem::find(head, b"ElfChnk\0").is_some() {
        return Class::Log(Format::Evtx);
    }
    if is_flow(head) {
        return Class::Log(Format::Flow);
    }
    if is_journal(head) {
        return Class::Log(Format::Journal);
    }
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    if looks_like_json(text) {
        return Class::Log(Format::Json);
    }
    if let Some(kind) = not_a_log(head) {
        return Class::NotALog(kind);
    }
    if looks_like_text(text, whole) { Class::Log(Format::Text) } else { Class::Unrecognised }
}

fn not_a_log(head: &[u8]) -> Option<&'static str> {
    let matches = |offset: usize, magic: &[u8]| head.get(offset..).is_some_and(|at| at.starts_with(magic));
    let found = NOT_LOGS.iter().find(|(offset, magic, _)| matches(*offset, magic))?;
    // Magic numbers that are mere letters also start lines of text.
    let word = found.1.iter().all(u8::is_ascii_graphic);
    let text = word && found.2 != "PDF document" && looks_like_text(head, false);
    (!text).then_some(found.2)
}

/// `{` before a key or the end, `[` before an object or array: a time in brackets is no array.
fn looks_like_json(text: &[u8]) -> bool {
    let mut rest = text.iter().copied().filter(|b| !b.is_ascii_whitespace() && *b != 0x1e);
    match (rest.next(), rest.next()) {
        (Some(b'{'), next) => matches!(next, Some(b'"' | b'}') | None),
        (Some(b'['), next) => matches!(next, Some(b'{' | b'[' | b']') | None),
        _ => false,
    }
}

/// Mostly printable characters in UTF-8 or CP932. Runs of NUL are what a crash leaves in a log, so they do not
/// count, as long as a sixteenth of the block is not NUL.
fn looks_like_text(head: &[u8], whole: bool) -> bool {
    let nul = memchr::memchr_iter(0, head).count();
    let rest = head.len() - nul;
    if rest * 16 < head.len() || (nul > 0 && rest < 16) {
        return false;
    }
    let is_control = |b: &&u8| matches!(b, 1..=8 | 0x0b | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f);
    let controls = head.iter().filter(is_control).count();
    if controls * 50 > rest {
        return false;
    }
    // Isolated NULs are the mark of binary numbers, whatever else is printable.
    let runs = head.chunk_by(|a, b| (*a == 0) == (*b == 0)).filter(|run| run.first() == Some(&0)).count();
    if runs * 24 > rest {
        return false;
    }
    let high = head.iter().filter(|b| **b >= 0x80).count();
    high * 10 <= rest || is_encoded(head, whole)
}

fn is_encoded(head: &[u8], whole: bool) -> bool {
    let utf8 = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => !whole && error.error_len().is_none(),
    };
    if utf8 {
        return true;
    }
    // A character may be cut in two at the end of the block.
    let all = encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(head).is_some();
    let cut = head.get(..head.len().saturating_sub(1)).unwrap_or_default();
    all || (!whole
        && encoding_rs::SHIFT_JIS.decode_without_bom_handling_and_without_replacement(cut).is_some())
}

/// UTF-16 by byte order mark, or by the zero bytes beside ASCII.
pub(crate) fn wide(head: &[u8]) -> Option<Wide> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, _, _, ..] => return Some(Wide::Little { mark: 2 }),
        [0xfe, 0xff, _, _, ..] => return Some(Wide::Big { mark: 2 }),
        _ => {}
    }
    let head = head.get(..head.len().min(4096)).unwrap_or_default();
    if head.len() < 16 {
        return None;
    }
    let pairs = head.len() / 2;
    let ascii = |b: u8| matches!(b, b' '..=b'~' | b'\t' | b'\r' | b'\n');
    let count = |order: fn([u8; 2]) -> [u8; 2]| {
        let pairs = head.chunks_exact(2).filter_map(|p| <[u8; 2]>::try_from(p).ok());
        pairs.map(order).filter(|[low, high]| ascii(*low) && *high == 0).count()
    };
    let little = count(|pair| pair);
    let big = count(|[high, low]| [low, high]);
    if little * 10 >= pairs * 7 {
        Some(Wide::Little { mark: 0 })
    } else if big * 10 >= pairs * 7 {
        Some(Wide::Big { mark: 0 })
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        let check = |head: &[u8], expected: Class| {
            assert_eq!(class(head, true), expected, "{}", String::from_utf8_lossy(head));
        };
        check(b"", Class::Empty);
        check(b"ElfFile\0\0\0", Class::Log(Format::Evtx));
        check(b"\0\0\0\0ElfChnk\0", Class::Log(Format::Evtx));
        check(b"\xef\xbb\xbf \n{\"a\":1}", Class::Log(Format::Json));
        check(b"[\n {\"a\":1}]", Class::Log(Format::Json));
        check(b"[2026-01-01 00:00:00] error", Class::Log(Format::Text));
        check(b"{not json}", Class::Log(Format::Text));
        check(b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1\n\n", Class::Log(Format::Journal));
        check(b"\n__REALTIME_TIMESTAMP=1\n", Class::Log(Format::Journal));
        check(b"__CURSOR is a word\n", Class::Log(Format::Text));
        check("ログ: 失敗しました\n".as_bytes(), Class::Log(Format::Text));
        check(b"\x83\x8d\x83\x4f\x82\xc5\x82\xb7,\x8e\xb8\x94\x73\n", Class::Log(Format::Text));
        check(
            b"Jan  1 00:00:00 a\n\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0Jan  1 00:00:01 b\n",
            Class::Log(Format::Text),
        );
        check(b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff", Class::NotALog("Windows executable"));
        check(b"MZ is how this line starts\n", Class::Log(Format::Text));
        check(b"BM: backup manager started\n", Class::Log(Format::Text));
        check(b"\x01\x02\x03\x04\xf0\xf1\xf2\xf3", Class::Unrecognised);
    }

    #[test]
    fn random_bytes_and_packed_bytes_are_not_text() {
        let mut state = 1u64;
        let mut random = vec![0u8; 65_536];
        for byte in &mut random {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *byte = (state >> 56) as u8;
        }
        assert_eq!(class(&random, false), Class::Unrecognised);
    }

    #[test]
    fn utf16_is_seen_with_and_without_a_mark() {
        let little: Vec<u8> = "a line of a log\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = "a line of a log\r\n".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(wide(&little), Some(Wide::Little { mark: 0 }));
        assert_eq!(wide(&big), Some(Wide::Big { mark: 0 }));
        assert_eq!(wide(&[&[0xff, 0xfe][..], &little].concat()), Some(Wide::Little { mark: 2 }));
        assert_eq!(wide(b"plain text of a log line\n"), None);
    }

    #[test]
    fn packings() {
        assert_eq!(packing(b"\x1f\x8b\x08\0"), Some(Packing::Gzip));
        assert_eq!(packing(b"\x50\x2a\x4d\x18"), Some(Packing::Zstd));
        assert_eq!(packing(b"PK\x05\x06"), Some(Packing::Zip));
        assert_eq!(packing(b"BZhello"), None);
        assert_eq!(packing(b"BZh91AY&SY"), Some(Packing::Unsupported("bzip2")));
        assert_eq!(packing(b"PK is a word"), None);
    }
}

//! Writers of archives, right and wrong ones.

use std::io::Write as _;

/// A member to pack.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: Vec<u8>,
    pub data: Vec<u8>,
}

pub fn entry(name: &str, data: impl Into<Vec<u8>>) -> Entry {
    Entry { name: name.as_bytes().to_vec(), data: data.into() }
}

pub fn tar(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for entry in entries {
        if entry.name.len() > 100 {
            out.extend(tar_member(b"././@LongLink", &[&entry.name[..], b"\0"].concat(), b'L'));
        }
        out.extend(tar_member(&entry.name[..entry.name.len().min(100)], &entry.data, b'0'));
    }
    out.extend([0; 1024]);
    out
}

pub fn tar_member(name: &[u8], data: &[u8], kind: u8) -> Vec<u8> {
    let mut out = tar_header(name, data.len() as u64, kind).to_vec();
    out.extend_from_slice(data);
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

pub fn tar_header(name: &[u8], size: u64, kind: u8) -> [u8; 512] {
    let mut block = [0u8; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(b"0000644\0");
    block[124..136].copy_from_slice(format!("{size:011o}\0").as_bytes());
    block[136..148].copy_from_slice(format!("{:011o}\0", 1_700_000_000u64).as_bytes());
    block[156] = kind;
    block[257..265].copy_from_slice(b"ustar\x0000");
    block[148..156].copy_from_slice(b"        ");
    let sum: u64 = block.iter().map(|b| u64::from(*b)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

/// How a ZIP archive is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub stored: bool,
    /// Sizes and checksum only behind the data.
    pub descriptor: bool,
    /// Sizes and offsets in ZIP64 extra fields.
    pub wide: bool,
}

pub fn zip(entries: &[Entry]) -> Vec<u8> {
    zip_as(entries, Style::default())
}

pub fn zip_as(entries: &[Entry], style: Style) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = out.len() as u64;
        let packed = if style.stored { entry.data.clone() } else { deflate(&entry.data) };
        let crc = crc(&entry.data);
        let sizes = [packed.len() as u64, entry.data.len() as u64];
        let known = !style.descriptor;
        let local = if known { (crc, sizes) } else { (0, [0, 0]) };
        out.extend(b"PK\x03\x04");
        out.extend(fixed(style, local.0, local.1));
        let extra = if style.wide && known { wide_extra(&[sizes[1], sizes[0]]) } else { Vec::new() };
        out.extend((entry.name.len() as u16).to_le_bytes());
        out.extend((extra.len() as u16).to_le_bytes());
        out.extend(&entry.name);
        out.extend(extra);
        out.extend(&packed);
        if style.descriptor {
            out.extend(b"PK\x07\x08");
            out.extend(crc.to_le_bytes());
            out.extend((packed.len() as u32).to_le_bytes());
            out.extend((entry.data.len() as u32).to_le_bytes());
        }
        directory.extend(central(entry, style, crc, sizes, offset));
    }
    finish(out, &directory, entries.len(), style)
}

fn fixed(style: Style, crc: u32, [packed, unpacked]: [u64; 2]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(45u16.to_le_bytes());
    out.extend((u16::from(style.descriptor) * 8).to_le_bytes());
    out.extend((if style.stored { 0u16 } else { 8 }).to_le_bytes());
    // 12:34:56 on 2023-11-14.
    out.extend((12u16 * 2048 + 34 * 32 + 56 / 2).to_le_bytes());
    out.extend((43u16 * 512 + 11 * 32 + 14).to_le_bytes());
    out.extend(crc.to_le_bytes());
    for size in [packed, unpacked] {
        out.extend((if style.wide && crc != 0 { u32::MAX } else { size as u32 }).to_le_bytes());
    }
    out
}

fn wide_extra(values: &[u64]) -> Vec<u8> {
    let mut out = vec![1, 0];
    out.extend((values.len() as u16 * 8).to_le_bytes());
    values.iter().for_each(|v| out.extend(v.to_le_bytes()));
    out
}

fn central(entry: &Entry, style: Style, crc: u32, sizes: [u64; 2], offset: u64) -> Vec<u8> {
    let mut out = b"PK\x01\x02\x2d\0".to_vec();
    out.extend(fixed(style, crc, sizes));
    let wide = style.wide && crc != 0;
    let extra = if wide { wide_extra(&[sizes[1], sizes[0], offset]) } else { Vec::new() };
    out.extend((entry.name.len() as u16).to_le_bytes());
    out.extend((extra.len() as u16).to_le_bytes());
    out.extend([0; 10]);
    out.extend((if wide { u32::MAX } else { offset as u32 }).to_le_bytes());
    out.extend(&entry.name);
    out.extend(extra);
    out
}

fn finish(mut out: Vec<u8>, directory: &[u8], count: usize, style: Style) -> Vec<u8> {
    let (size, offset) = (directory.len() as u64, out.len() as u64);
    out.extend(directory);
    if style.wide {
        let at = out.len() as u64;
        out.extend(b"PK\x06\x06");
        out.extend(44u64.to_le_bytes());
        out.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        [count as u64, count as u64, size, offset].iter().for_each(|v| out.extend(v.to_le_bytes()));
        out.extend(b"PK\x06\x07\0\0\0\0");
        out.extend(at.to_le_bytes());
        out.extend(1u32.to_le_bytes());
    }
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((count.min(0xffff) as u16).to_le_bytes());
    out.extend((count.min(0xffff) as u16).to_le_bytes());
    out.extend((if style.wide { u32::MAX } else { size as u32 }).to_le_bytes());
    out.extend((if style.wide { u32::MAX } else { offset as u32 }).to_le_bytes());
    out.extend([0, 0]);
    out
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

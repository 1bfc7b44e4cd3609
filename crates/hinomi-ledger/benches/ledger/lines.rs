//! Log lines: those of a file, then copies with other digits.

use std::io::{BufRead, BufReader};

/// Lines of about `bytes` bytes in all, without their ends.
pub fn lines(bytes: u64) -> Vec<Vec<u8>> {
    let Ok(path) = std::env::var("HINOMI_BENCH_LINES") else {
        println!("HINOMI_BENCH_LINES is not set: invented lines");
        return invented(bytes);
    };
    let mut out = Vec::new();
    let (mut total, mut round) = (0, 0_u64);
    while total < bytes {
        let before = total;
        for line in BufReader::new(std::fs::File::open(&path).unwrap()).split(b'\n') {
            let mut line = line.unwrap();
            if round > 0 {
                perturb(&mut line, round);
            }
            total += line.len() as u64;
            out.push(line);
            if total >= bytes {
                break;
            }
        }
        assert!(total > before, "{path} has no lines");
        round += 1;
    }
    out
}

/// Other digits in the place of digits, in runs of three or more: numbers, times, identifiers.
fn perturb(line: &mut [u8], round: u64) {
    let mut state = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ line.len() as u64;
    let mut start = 0;
    while start < line.len() {
        let run = line[start..].iter().take_while(|b| b.is_ascii_digit()).count();
        if run >= 3 {
            for byte in &mut line[start + 1..start + run] {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                *byte = b'0' + ((state >> 33) % 10) as u8;
            }
        }
        start += run.max(1);
    }
}

fn invented(bytes: u64) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    let (mut total, mut n) = (0, 0_u64);
    while total < bytes {
        n += 1;
        let x = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
        let line = format!(
            "{{\"time\":\"2026-03-04T05:{:02}:{:02}.{:06}Z\",\"host\":\"srv{:03}\",\"event\":{},\"user\":\"u{:04}\",\
             \"process\":\"{:016x}\",\"text\":\"a connection from 10.{}.{}.{} was accepted\"}}",
            n / 60 % 60,
            n % 60,
            x % 1_000_000,
            x % 211,
            4600 + x % 97,
            x % 1999,
            x,
            x % 256,
            x / 256 % 256,
            x / 65_536 % 256
        );
        total += line.len() as u64;
        out.push(line.into_bytes());
    }
    out
}

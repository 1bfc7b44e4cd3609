//! JSON indented by two spaces, byte for byte as `serde_json` does it, with one write per line break.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// A comma, a line break and the indentation of the deepest level written at once.
const LINE: &[u8] = b",\n                                                                ";

/// State of the indentation.
#[derive(Default)]
pub(super) struct Indented {
    depth: usize,
    /// The innermost list or object has a member.
    filled: bool,
}

impl Indented {
    fn line<W: ?Sized + Write>(&self, first: bool, out: &mut W) -> io::Result<()> {
        let length = 2 + 2 * self.depth;
        if let Some(line) = LINE.get(usize::from(first)..length) {
            return out.write_all(line);
        }
        out.write_all(LINE.get(usize::from(first)..2).unwrap_or_default())?;
        (0..self.depth).try_for_each(|_| out.write_all(b"  "))
    }

    fn open<W: ?Sized + Write>(&mut self, bracket: &[u8], out: &mut W) -> io::Result<()> {
        self.depth += 1;
        self.filled = false;
        out.write_all(bracket)
    }

    fn close<W: ?Sized + Write>(&mut self, bracket: &[u8], out: &mut W) -> io::Result<()> {
        self.depth = self.depth.saturating_sub(1);
        if self.filled {
            self.line(true, out)?;
        }
        out.write_all(bracket)
    }
}

impl Formatter for Indented {
    fn begin_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(b"[", out)
    }

    fn end_array<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(b"]", out)
    }

    fn begin_array_value<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(first, out)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.open(b"{", out)
    }

    fn end_object<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        self.close(b"}", out)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.line(first, out)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.filled = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize as _;
    use serde_json::json;

    use super::*;

    #[test]
    fn it_writes_what_the_library_writes() {
        let deep = (0..40).fold(json!([1, {}]), |inner, _| json!({ "a": [], "b": [inner, "x\n"] }));
        for value in [json!([]), json!({}), json!(null), json!([{ "a": { "b": [[], [1, 2]] } }, "é"]), deep]
        {
            let mut out = Vec::new();

            value
                .serialize(&mut serde_json::Serializer::with_formatter(&mut out, Indented::default()))
                .unwrap();
            assert_eq!(String::from_utf8(out).unwrap(), serde_json::to_string_pretty(&value).unwrap());
        }
    }
}

//! Names of tiles and entry bundles (C2SP tlog-tiles) and which of them a growing tree needs.

use std::fmt;

/// Hashes in a full tile, entries in a full bundle.
pub const WIDTH: u64 = 256;
/// Highest tile level of a tree with 2^64 leaves.
const MAX_LEVEL: u8 = 7;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes at this tile level: level 0 are leaf hashes, each higher one hashes full tiles of the one below.
    Hashes(u8),
    /// Leaves themselves.
    Entries,
}

/// A tile's place in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Hashes or entries.
    pub kind: TileKind,
    /// Number within the level.
    pub index: u64,
    /// Hashes or entries present: 1 to 256.
    pub width: u16,
}

impl Tile {
    /// Whether all 256 places are filled.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == WIDTH
    }

    /// The full tile at the same place.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: 256, ..self }
    }

    /// The tile number `index` of `kind` as a tree of `tree_size` leaves has it; `None` when it has none.
    pub fn in_tree(kind: TileKind, index: u64, tree_size: u64) -> Option<Self> {
        let present = (tree_size >> kind.shift()).checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        (present > 0).then_some(Self { kind, index, width: present as u16 })
    }

    /// Number of the tile of `kind` that the next leaf of a tree of `tree_size` leaves will be in.
    pub fn index_of(kind: TileKind, tree_size: u64) -> u64 {
        (tree_size >> kind.shift()) / WIDTH
    }

    /// Path below the log's prefix: `tile/0/x001/234`, `tile/entries/000.p/7`.
    pub fn path(&self) -> String {
        self.to_string()
    }

    /// Reads a path as [`Tile::path`] writes it, and nothing else: what is accepted from a network names a tile or is
    /// no name at all.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (kind, rest) = rest.split_once('/')?;
        let kind = match kind {
            "entries" => TileKind::Entries,
            digit => TileKind::Hashes(digit.parse().ok().filter(|l| *l <= MAX_LEVEL)?),
        };
        let (number, width) = match rest.split_once(".p/") {
            Some((number, width)) => (number, width.parse().ok().filter(|w| (1..256).contains(w))?),
            None => (rest, 256),
        };
        let mut index: u64 = 0;
        for part in number.split('/') {
            let digits = part.strip_prefix('x').unwrap_or(part);
            if digits.len() != 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { kind, index, width };
        // One spelling per tile: no missing or superfluous `x`, no leading zeroes or groups.
        (tile.path() == path).then_some(tile)
    }
}

impl TileKind {
    /// Binary logarithm of the leaves below one element.
    pub(super) fn shift(self) -> u32 {
        match self {
            Self::Hashes(level) => 8 * u32::from(level.min(MAX_LEVEL)),
            Self::Entries => 0,
        }
    }
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let groups = self.index.checked_ilog(1000).unwrap_or(0);
        for group in (1..=groups).rev() {
            write!(f, "x{:03}/", self.index / 1000u64.pow(group) % 1000)?;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

/// Hash tiles and entry bundles that a tree of `new` leaves has and a tree of `old` leaves has not, in order of level
/// and index. The last one of each level is partial unless it is just full.
pub fn tiles_of_growth(old: u64, new: u64) -> impl Iterator<Item = Tile> {
    let kinds = std::iter::once(TileKind::Entries).chain((0..=MAX_LEVEL).map(TileKind::Hashes));
    kinds.flat_map(move |kind| {
        let (had, has) = (old >> kind.shift(), new >> kind.shift());
        let range = if has > had { had / WIDTH..has.div_ceil(WIDTH) } else { 0..0 };
        range.filter_map(move |index| Tile::in_tree(kind, index, new))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_one_spelling() {
        let cases = [
            ("tile/0/x001/x234/067", TileKind::Hashes(0), 1_234_067, 256),
            ("tile/3/000.p/1", TileKind::Hashes(3), 0, 1),
            ("tile/entries/999", TileKind::Entries, 999, 256),
            ("tile/entries/x001/000.p/255", TileKind::Entries, 1000, 255),
            ("tile/7/x018/x446/x744/x073/x709/x551/615", TileKind::Hashes(7), u64::MAX, 256),
        ];
        for (path, kind, index, width) in cases {
            let tile = Tile { kind, index, width };
            assert_eq!(tile.path(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        let hostile = [
            "tile/0/../000",
            "tile/0/x000/001",
            "tile/00/000",
            "tile/8/000",
            "tile/-1/000",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/000.p/1/",
            "/tile/0/000",
            "tile/0/001/002",
            "tile/entries/",
            "tile/0/+01",
            "tile/0/x001/2\u{663}4",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
            "checkpoint",
            "tile/0/000.p/+1",
            "tile/+1/000",
            "tile/0/x018/x446/x744/x073/x709/x551/616",
        ];
        for path in hostile {
            assert_eq!(Tile::parse(path), None, "{path}");
        }
    }

    #[test]
    fn growth_of_the_specification_example() {
        // tlog-tiles: a tree of 70,000 has 273 full level 0 tiles and one of width 112, one full level 1 tile and one
        // of width 17, one level 2 tile of width 1.
        let tiles: Vec<Tile> = tiles_of_growth(0, 70_000).collect();
        let of = |kind| tiles.iter().filter(|t| t.kind == kind).map(|t| t.width).collect::<Vec<_>>();
        assert_eq!(of(TileKind::Hashes(0)).len(), 274);
        assert_eq!(of(TileKind::Hashes(0)).last(), Some(&112));
        assert_eq!(of(TileKind::Hashes(1)), [256, 17]);
        assert_eq!(of(TileKind::Hashes(2)), [1]);
        assert_eq!(of(TileKind::Hashes(3)), Vec::<u16>::new());
        assert_eq!(of(TileKind::Entries).len(), 274);
        let at_256: Vec<String> = tiles_of_growth(0, 256).map(|t| t.path()).collect();
        assert_eq!(at_256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(tiles_of_growth(256, 256).count(), 0);
        let step: Vec<String> = tiles_of_growth(255, 257).map(|t| t.path()).collect();
        assert_eq!(
            step,
            ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]
        );
    }
}

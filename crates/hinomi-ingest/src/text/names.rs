//! Field names numbered once, when the mappings are compiled.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

/// Number of a field name among [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Slot(pub(crate) u16);

/// Fields the code itself reads or writes, at fixed slots.
pub(crate) mod fixed {
    use super::Slot;

    macro_rules! slots {
        ($($(#[$doc:meta])* $name:ident = $at:literal, $text:literal;)*) => {
            $($(#[$doc])* pub(crate) const $name: Slot = Slot($at);)*
            /// The names above, in order.
            pub(crate) const NAMES: &[&str] = &[$($text),*];
        };
    }
    slots! {
        RAW = 0, "_raw";
        COMPUTER = 1, "Computer";
        HOSTNAME = 2, "device.hostname";
        /// Text of the event's own time; never stored.
        TIME = 3, "@time";
        /// Text of `key=value` pairs to be split; never stored.
        PAIRS = 4, "@pairs";
        /// Host as captured; stored as `Computer` and `device.hostname`.
        HOST = 5, "@host";
        PROGRAM = 6, "program";
        PID = 7, "pid";
        MESSAGE = 8, "message";
        FACILITY = 9, "facility";
        SEVERITY = 10, "severity";
        SRC_IP = 11, "src_endpoint.ip";
        SRC_HOST = 12, "src_endpoint.hostname";
        DST_IP = 13, "dst_endpoint.ip";
        DST_HOST = 14, "dst_endpoint.hostname";
        USER = 15, "user.name";
        PRODUCT = 16, "product";
        C_URI = 17, "c-uri";
        URI_STEM = 18, "cs-uri-stem";
        URI_QUERY = 19, "cs-uri-query";
        CS_HOST = 20, "cs-host";
        MSGID = 21, "msgid";
        /// The message behind a head that several patterns share; never stored.
        REST = 22, "@rest";
    }
}

/// Names to slots and back.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    names: Vec<Box<str>>,
    index: HashMap<Box<str>, Slot, RandomState>,
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { names: Vec::new(), index: HashMap::default() };
        for name in fixed::NAMES {
            names.slot(name);
        }
        names
    }
}

impl Names {
    /// The slot of `name`, new or known. Mappings are our own data: their names fit 16 bits.
    pub(crate) fn slot(&mut self, name: &str) -> Slot {
        if let Some(&slot) = self.index.get(name) {
            return slot;
        }
        let slot = Slot(u16::try_from(self.names.len()).unwrap_or(u16::MAX));
        self.names.push(name.into());
        self.index.insert(name.into(), slot);
        slot
    }

    /// The slot of `name` if a mapping names it.
    pub(crate) fn known(&self, name: &str) -> Option<Slot> {
        self.index.get(name).copied()
    }

    /// The name at a slot.
    pub(crate) fn name(&self, slot: Slot) -> &str {
        self.names.get(usize::from(slot.0)).map_or("", AsRef::as_ref)
    }

    /// How many names there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_slots_are_where_the_constants_say() {
        let names = Names::default();
        for (at, name) in fixed::NAMES.iter().enumerate() {
            assert_eq!(names.known(name), Some(Slot(at as u16)), "{name}");
        }
    }
}

//! Element trees to named fields.
//!
//! | place | field |
//! |---|---|
//! | `System/X` | `X` |
//! | `System/X[@A]` | `X_A`; `TimeCreated[@SystemTime]` is `TimeCreated`, `Provider[@EventSourceName]` is `EventSourceName` |
//! | `EventData/Data[@Name='X']` | `X` |
//! | `EventData/Data` without name | `Data` |
//! | any other element with text, or empty without attributes | its own name, whatever encloses it |
//! | any other attribute | element, `_`, attribute; `xmlns` declarations are no fields |
//! | `RenderingInfo/X` | `RenderingInfo_X` |
//!
//! A field of the payload that has the name of a field of `System` is prefixed with its section
//! (`UserData_Channel`), so that a provider cannot speak in the name of the system part.
//!
//! # Not here
//! Values (`plan`): this module only says which pieces make up which field.

use super::canonical::is_blank;
use super::fault::Fault;
use super::record::{Instance, ROOT};
use super::template::Templates;
use super::tree::{Content, Element};
use super::utf16;

/// Part of a field's value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Piece {
    /// Constant UTF-16 text.
    Text(Vec<u8>),
    /// Substitution of an instance.
    Value(u16, u16),
}

/// A field and what its value is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Assignment {
    pub(super) name: String,
    pub(super) pieces: Vec<Piece>,
    /// Null when one of these values is.
    pub(super) needs: Vec<(u16, u16)>,
}

/// Most fields of one event.
const MAX_FIELDS: usize = 2048;
/// Most elements, attributes and pieces visited for one shape of record: a template can use one fragment many
/// times. Real events have some hundreds.
const MAX_VISITS: usize = 8192;

/// Names that only `System` may give.
const SYSTEM_NAMES: [&str; 19] = [
    "Provider_Name",
    "Provider_Guid",
    "EventSourceName",
    "EventID",
    "EventID_Qualifiers",
    "Version",
    "Level",
    "Task",
    "Opcode",
    "Keywords",
    "TimeCreated",
    "EventRecordID",
    "Correlation_ActivityID",
    "Correlation_RelatedActivityID",
    "Execution_ProcessID",
    "Execution_ThreadID",
    "Channel",
    "Computer",
    "Security_UserID",
];

/// Where in the event an element stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place<'a> {
    Top,
    Event,
    System,
    Rendering,
    /// Below the section of this name.
    Payload(&'a str),
}

/// Walks the trees of one shape of record.
pub(super) struct Flattener<'a> {
    templates: &'a Templates,
    instances: &'a [Instance],
    found: Vec<Assignment>,
    needs: Vec<(u16, u16)>,
    visits: usize,
}

impl<'a> Flattener<'a> {
    /// The fields of a record with these instances, in document order.
    pub(super) fn run(templates: &'a Templates, instances: &'a [Instance]) -> Result<Vec<Assignment>, Fault> {
        let mut walk = Self { templates, instances, found: Vec::new(), needs: Vec::new(), visits: 0 };
        walk.instances_at(ROOT, Place::Top)?;
        Ok(walk.found)
    }

    /// Walks the instances that are the value at `parent`; false when there are none.
    fn instances_at(&mut self, parent: (u16, u16), place: Place<'a>) -> Result<bool, Fault> {
        let mut any = false;
        let (templates, instances) = (self.templates, self.instances);
        for (number, instance) in (0_u16..).zip(instances).filter(|(_, i)| i.parent == parent) {
            any = true;
            for content in templates.tree(instance.template) {
                match content {
                    Content::Element(element) => self.element(element, number, place)?,
                    Content::Substitution(index) => {
                        self.instances_at((number, *index), place)?;
                    }
                    Content::Text(_) => {}
                }
            }
        }
        Ok(any)
    }

    fn element(&mut self, element: &'a Element, instance: u16, place: Place<'a>) -> Result<(), Fault> {
        self.visits += 1 + element.attributes.len() + element.content.len();
        if self.visits > MAX_VISITS {
            return Err(Fault::SIZE);
        }
        let depth = self.needs.len();
        self.needs.extend(element.dependency.map(|index| (instance, index)));
        let done = match place {
            Place::Top if element.name == "Event" => self.children(element, instance, Place::Event).map(drop),
            Place::Top => self.plain(element, instance, Place::Payload("Event")),
            Place::Event => self.section(element, instance),
            Place::System | Place::Rendering | Place::Payload(_) => self.plain(element, instance, place),
        };
        self.needs.truncate(depth);
        done
    }

    fn section(&mut self, element: &'a Element, instance: u16) -> Result<(), Fault> {
        match element.name.as_str() {
            "System" => self.children(element, instance, Place::System).map(drop),
            "RenderingInfo" => self.children(element, instance, Place::Rendering).map(drop),
            // Only the sections' contents are fields; an empty section is none.
            name => {
                self.attributes(element, instance, Place::Payload(name))?;
                let pieces = self.children(element, instance, Place::Payload(name))?;
                if is_text(&pieces) { self.add(name.to_owned(), pieces) } else { Ok(()) }
            }
        }
    }

    /// Walks child elements and fragments; returns the pieces of text between them.
    fn children(
        &mut self,
        element: &'a Element,
        instance: u16,
        place: Place<'a>,
    ) -> Result<Vec<Piece>, Fault> {
        let mut pieces = Vec::new();
        for content in &element.content {
            match content {
                Content::Element(child) => self.element(child, instance, place)?,
                Content::Substitution(index) => {
                    if !self.instances_at((instance, *index), place)? {
                        pieces.push(Piece::Value(instance, *index));
                    }
                }
                Content::Text(text) => pieces.push(Piece::Text(text.clone())),
            }
        }
        Ok(pieces)
    }

    /// An element whose text and attributes are fields.
    fn plain(&mut self, element: &'a Element, instance: u16, place: Place<'a>) -> Result<(), Fault> {
        let data_name = match place {
            Place::Payload(_) if element.name == "Data" => constant_name(element),
            _ => None,
        };
        if data_name.is_none() {
            self.attributes(element, instance, place)?;
        }
        let before = self.visits;
        let pieces = self.children(element, instance, place)?;
        let parent = self.visits > before;
        let empty = !parent && (data_name.is_some() || element.attributes.is_empty());
        if is_text(&pieces) || empty && place != Place::System {
            let name = data_name.unwrap_or_else(|| element.name.clone());
            self.add(named(place, name), pieces)?;
        }
        Ok(())
    }

    fn attributes(&mut self, element: &'a Element, instance: u16, place: Place<'a>) -> Result<(), Fault> {
        for (attribute, value) in &element.attributes {
            if attribute == "xmlns" || attribute.starts_with("xmlns:") {
                continue;
            }
            let pieces = value.iter().filter_map(|content| match content {
                Content::Text(text) => Some(Piece::Text(text.clone())),
                Content::Substitution(index) => Some(Piece::Value(instance, *index)),
                Content::Element(_) => None,
            });
            let name = match (place, element.name.as_str(), attribute.as_str()) {
                (Place::System, "TimeCreated", "SystemTime") => "TimeCreated".to_owned(),
                (Place::System, "Provider", "EventSourceName") => "EventSourceName".to_owned(),
                (_, element, attribute) => format!("{element}_{attribute}"),
            };
            let pieces = pieces.collect();
            self.add(named(place, name), pieces)?;
        }
        Ok(())
    }

    fn add(&mut self, name: String, pieces: Vec<Piece>) -> Result<(), Fault> {
        if self.found.len() >= MAX_FIELDS {
            return Err(Fault::SIZE);
        }
        // A value that is null makes its own field null without further ado.
        let own = |need: &(u16, u16)| pieces.as_slice() == [Piece::Value(need.0, need.1)];
        let needs = self.needs.iter().copied().filter(|need| !own(need)).collect();
        self.found.push(Assignment { name, pieces, needs });
        Ok(())
    }
}

/// `X` of `<Data Name="X">`.
fn constant_name(element: &Element) -> Option<String> {
    match element.attributes.as_slice() {
        [(name, value)] if name == "Name" => match value.as_slice() {
            [Content::Text(text)] => Some(utf16::text(text)).filter(|name| !name.is_empty()),
            _ => None,
        },
        _ => None,
    }
}

fn named(place: Place<'_>, name: String) -> String {
    match place {
        Place::Rendering => format!("RenderingInfo_{name}"),
        Place::Payload(section) if SYSTEM_NAMES.contains(&name.as_str()) => format!("{section}_{name}"),
        _ => name,
    }
}

/// Line breaks and indentation between elements are no text.
fn is_text(pieces: &[Piece]) -> bool {
    pieces.iter().any(|piece| match piece {
        Piece::Value(..) => true,
        Piece::Text(text) => !is_blank(text),
    })
}

//! Notation in, tree out: one line for each rule of the language.

use super::*;

/// The tree in a compact notation, so that expectations can be written by hand.
fn shown(search: &Search) -> String {
    let joined =
        |parts: &[Search], by: &str| format!("({})", parts.iter().map(shown).collect::<Vec<_>>().join(by));
    match search {
        Search::All(parts) => joined(parts, " & "),
        Search::Any(parts) => joined(parts, " | "),
        Search::Not(inner) => format!("!{}", shown(inner)),
        Search::Keyword(patterns) => format!("keyword{}", shown_patterns(patterns)),
        Search::KeywordRegex(regex) => format!("keyword~{}", shown_regex(regex)),
        Search::Field(field, test) => format!("{field}{}", shown_test(test)),
    }
}

fn shown_test(test: &Test) -> String {
    let comparison = |c: Comparison| match c {
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    match test {
        Test::Match(patterns) => shown_patterns(patterns),
        Test::Regex(regex) => format!("~{}", shown_regex(regex)),
        Test::Cidr(networks) => {
            let all: Vec<_> = networks.iter().map(|n| format!("{}/{}", n.address, n.prefix)).collect();
            format!(" in {}", all.join(" "))
        }
        Test::Exists(truth) => format!(" exists {truth}"),
        Test::Absent => " absent".into(),
        Test::Compare(c, operand) => format!("{}{operand}", comparison(*c)),
        Test::FieldRef { other, place, cased } => {
            format!("={place:?}({other}){}", if *cased { "c" } else { "" })
        }
        Test::TimePart(part, c, operand) => format!(".{part:?}{}{operand}", c.map_or("=", comparison)),
    }
}

fn shown_patterns(patterns: &Patterns) -> String {
    let pattern = |p: &Pattern| {
        let token = |t: &Token| match t {
            Token::Literal(text) => format!("<{text}>"),
            Token::Many => "*".into(),
            Token::One => "?".into(),
        };
        p.0.iter().map(token).collect::<String>()
    };
    let all: Vec<_> = patterns.any.iter().map(pattern).collect();
    format!("{}[{}]", if patterns.cased { "=c" } else { "=" }, all.join(","))
}

fn shown_regex(regex: &Regex) -> String {
    let flag = |on: bool, c: &'static str| if on { c } else { "" };
    let flags = [flag(regex.ignore_case, "i"), flag(regex.multi_line, "m"), flag(regex.dot_all, "s")];
    format!("/{}/{}", regex.pattern, flags.concat())
}

fn read(text: &str) -> Vec<Result<Document, RuleError>> {
    let mut placeholders = Placeholders::default();
    placeholders.insert("srv", ["a*".to_owned(), "10.0.0.0/8".to_owned()]);
    parse_documents_with(text, "f.yml", &placeholders)
}

fn with_detection(detection: &str) -> String {
    format!("title: t\nlogsource: {{product: p}}\ndetection:\n{detection}")
}

fn check(detection: &str, expected: &str) {
    let text = with_detection(detection);
    match read(&text).as_slice() {
        [Ok(Document::Rule(rule))] => {
            let all: Vec<String> = rule.conditions.iter().map(shown).collect();
            assert_eq!(all.join(" ; "), expected, "{detection}");
        }
        other => panic!("{detection}: {other:?}"),
    }
}

/// One selection `s`.
fn one(selection: &str, expected: &str) {
    check(&format!("  s: {selection}\n  condition: s\n"), expected);
}

fn refused(detection: &str, message: &str) {
    match read(&with_detection(detection)).as_slice() {
        [Err(error)] => {
            let text = error.problem.to_string();
            assert!(text.contains(message), "{detection}: {text}");
            assert!(!error.hint().is_empty());
        }
        other => panic!("{detection}: {other:?}"),
    }
}

fn one_refused(selection: &str, message: &str) {
    refused(&format!("  s: {selection}\n  condition: s\n"), message);
}

#[test]
fn maps_lists_and_scalars() {
    one("{A: x, B: y}", "(A=[<x>] & B=[<y>])");
    one("{A: [x, y]}", "A=[<x>,<y>]");
    one("[{A: x}, {B: y, C: z}]", "(A=[<x>] | (B=[<y>] & C=[<z>]))");
    one("[x, 'y*z', 3]", "keyword=[*<x>*,*<y>*<z>*,*<3>*]");
    one("[x, {A: y}]", "(keyword=[*<x>*] | A=[<y>])");
    one("word", "keyword=[*<word>*]");
    one("{'|all': [x, y]}", "(keyword=[*<x>*] & keyword=[*<y>*])");
    one("{'|re': 'a+'}", "keyword~/a+/");
    one(
        "{A: 4624, B: 0x17, C: no, D: 1e3, E: 2020-01-01, F: 010}",
        "(A=[<4624>] & B=[<0x17>] & C=[<no>] & D=[<1e3>] & E=[<2020-01-01>] & F=[<010>])",
    );
    one("{A: null}", "A absent");
    one("{A: ~, B: 'null', C: ''}", "(A absent & B=[<null>] & C=[])");
    one("{A: [x, null]}", "(A=[<x>] | A absent)");
}

#[test]
fn every_modifier() {
    for (selection, expected) in [
        ("{A|contains: x}", "A=[*<x>*]"),
        ("{A|startswith: x}", "A=[<x>*]"),
        ("{A|endswith: '\\x'}", "A=[*<\\x>]"),
        ("{A|contains|all: [x, y]}", "(A=[*<x>*] & A=[*<y>*])"),
        ("{A|all: [x]}", "A=[<x>]"),
        ("{A|contains: ''}", "A=[*]"),
        ("{A|neq: x}", "!A=[<x>]"),
        ("{A|neq: [x, y]}", "!A=[<x>,<y>]"),
        ("{A|neq: null}", "!A absent"),
        ("{A|contains|neq: x}", "!A=[*<x>*]"),
        ("{A|cased: X}", "A=c[<X>]"),
        ("{A|contains|cased: X}", "A=c[*<X>*]"),
        ("{A|re: '^a.b'}", "A~/^a.b/"),
        ("{A|re|i|m|s: 'a$'}", "A~/a$/ims"),
        ("{A|re: [a, b]}", "(A~/a/ | A~/b/)"),
        ("{A|re|all: [a, b]}", "(A~/a/ & A~/b/)"),
        ("{A|re|neq: a}", "!A~/a/"),
        ("{A|cidr: [10.0.0.0/8, 'fe80::/10', 192.0.2.1]}", "A in 10.0.0.0/8 fe80::/10 192.0.2.1/32"),
        ("{A|cidr|neq: 10.0.0.0/8}", "!A in 10.0.0.0/8"),
        ("{A|exists: true, B|exists: no}", "(A exists true & B exists false)"),
        ("{A|fieldref: B}", "A=Whole(B)"),
        ("{A|fieldref|neq: B}", "!A=Whole(B)"),
        ("{A|fieldref|startswith: B}", "A=Start(B)"),
        ("{A|endswith|fieldref: B}", "A=End(B)"),
        ("{A|fieldref|contains|cased: B}", "A=Anywhere(B)c"),
        ("{A|lt: 5, B|lte: -1.5, C|gt: 0x10, D|gte: 1e3}", "(A<5 & B<=-1.5 & C>16 & D>=1000)"),
        ("{T|minute: 0, U|hour: 23, V|day: 31}", "(T.Minute=0 & U.Hour=23 & V.Day=31)"),
        ("{T|week: 53, U|month: 12, V|year: 2026}", "(T.Week=53 & U.Month=12 & V.Year=2026)"),
        ("{T|hour|gte: 22}", "T.Hour>=22"),
        ("{A|expand: '%srv%'}", "A=[<a>*,<10.0.0.0/8>]"),
        ("{A|contains|expand: 'x%srv%'}", "A=[*<xa>*,*<x10.0.0.0/8>*]"),
        ("{A: '%srv%'}", "A=[<%srv%>]"),
        ("{A|base64: foob}", "A=[<Zm9vYg==>]"),
        // Offsets of the specification's own kind of value, checked against RFC 4648 by hand: foo, _foo, __foo.
        ("{A|base64offset|contains: foo}", "A=[*<Zm9v>*,*<Zvb>*,*<mb2>*]"),
        ("{A|wide|base64: a}", "A=[<YQA=>]"),
        ("{A|utf16le|base64: a}", "A=[<YQA=>]"),
        ("{A|utf16be|base64: a}", "A=[<AGE=>]"),
        ("{A|utf16|base64: a}", "A=[<//5hAA==>]"),
        ("{A|wide|contains: ab}", "A=[*<a\0b\0>*]"),
        ("{A|windash: -x}", "A=[<-x>,</x>,<–x>,<—x>,<―x>]"),
        ("{A|contains|windash: ' /x'}", "A=[*< -x>*,*< /x>*,*< –x>*,*< —x>*,*< ―x>*]"),
    ] {
        one(selection, expected);
    }
}

#[test]
fn what_modifiers_cannot_do_is_refused() {
    for (selection, message) in [
        ("{A|contain: x}", "unknown modifier \"contain\""),
        ("{A|contains|contains: x}", "repeated"),
        ("{A|startswith|endswith: x}", "exclude each other"),
        ("{A|re|contains: x}", "text modifiers apply to text only"),
        ("{A|i: x}", "stand after re"),
        ("{A|i|re: x}", "stand after re"),
        ("{A|re|cased: x}", "cased"),
        ("{A|re|cidr: x}", "two kinds of test"),
        ("{A|re: 'a(?=b)'}", "uses lookahead"),
        ("{A|re: '(a'}", "malformed"),
        ("{A|contains|base64: x}", "stand after an encoding"),
        ("{A|base64|windash: x}", "windash stands before"),
        ("{A|base64|wide: x}", "at most once"),
        ("{A|base64: 'x*'}", "wildcards cannot be encoded"),
        ("{A|utf16: x}", "not text"),
        ("{A|cidr: 10.0.0.1/8}", "bits after the prefix are set"),
        ("{A|cidr: 10.0.0.0/33}", "prefix is out of range"),
        ("{A|cidr: host}", "not an IP network"),
        ("{A|exists: maybe}", "true or false"),
        ("{A|exists: [true]}", "one truth value"),
        ("{A|exists|neq: true}", "nothing else"),
        ("{A|gt: many}", "a number is needed"),
        ("{A|gt: inf}", "a number is needed"),
        ("{A|gt|lt: 5}", "two kinds of test"),
        ("{A|hour: 24}", "outside the range"),
        ("{A|contains: null}", "null has no text"),
        ("{A|re: null}", "needs a value"),
        ("{A|expand: '%nobody%'}", "placeholder %nobody% is not defined"),
        ("{A|re|expand: '%srv%'}", "placeholders stand in text"),
        ("{A|windash: ' -a -b -c -d -e -f'}", "too many dashes"),
        ("{'|gt': 5}", "needs a field"),
        ("{'|cidr': 10.0.0.0/8}", "needs a field"),
        ("{'': x}", "the name of a field"),
        ("['']", "not empty"),
        ("[null]", "not empty"),
        ("{A: []}", "at least one value"),
        ("{A: {B: c}}", "a value or a list of values"),
        ("{A: [[x]]}", "a value or a list of values"),
        ("{}", "at least one field"),
        ("[]", "at least one element"),
        ("[[x]]", "texts and maps"),
        ("{A: x, A: y}", "written twice"),
    ] {
        one_refused(selection, message);
    }
}

#[test]
fn conditions() {
    let selections = "  s1: {A: a}\n  s2: {B: b}\n  _x: {C: c}\n  other: {D: d}\n";
    for (condition, expected) in [
        ("s1 and s2", "(A=[<a>] & B=[<b>])"),
        ("s1 or s2 and not other", "(A=[<a>] | (B=[<b>] & !D=[<d>]))"),
        ("1 of s*", "(A=[<a>] | B=[<b>])"),
        ("all of s*", "(A=[<a>] & B=[<b>])"),
        ("any of o*", "D=[<d>]"),
        ("all of them", "(A=[<a>] & B=[<b>] & D=[<d>])"),
        ("1 of them", "(A=[<a>] | B=[<b>] | D=[<d>])"),
        ("not (s1 or _x)", "!(A=[<a>] | C=[<c>])"),
        ("[s1, s2]", "A=[<a>] ; B=[<b>]"),
        ("1 of *", "(A=[<a>] | B=[<b>] | C=[<c>] | D=[<d>])"),
    ] {
        check(&format!("{selections}  condition: {condition}\n"), expected);
    }
    for (condition, message) in [
        ("s3", "refers to \"s3\""),
        ("1 of z*", "refers to \"z*\""),
        ("s1 | count() > 5", "aggregation"),
        ("s1 and", "ends where"),
        ("2 of s*", "only 1 and all"),
        ("[]", "a condition or a short list"),
        ("{a: b}", "a condition or a list"),
    ] {
        refused(&format!("{selections}  condition: {condition}\n"), message);
    }
    refused("  s: {A: x}\n", "\"condition\" is missing");
    check("  timeframe: 5m\n  s: {A: x}\n  condition: s\n", "A=[<x>]");
}

#[test]
fn descriptions_and_positions() {
    let text = "title: A rule\nid: 1-2\nname: n\nauthor: [x, y]\nlicense: L\nlevel: high\nstatus: test\ntags: [t.1]\n\
                falsepositives: admins\nreferences: [r]\nfields: [F]\nlogsource: {category: C, service: S}\n\
                detection: {s: {A: b}, condition: s}\nhinomi: {title_ja: 規則, tests: {}}\n";
    let documents = read(&format!("{text}---\n{}", with_detection("  s: {A|x: b}\n  condition: s\n")));
    let [Ok(Document::Rule(rule)), Err(error)] = documents.as_slice() else { panic!("{documents:?}") };
    let meta = &rule.meta;
    assert_eq!((meta.id.as_str(), meta.name.as_deref(), meta.author.as_str()), ("1-2", Some("n"), "x, y"));
    assert_eq!((meta.level, meta.origin.as_str()), (hinomi_model::Level::High, "f.yml"));
    assert_eq!((&meta.tags, &meta.false_positives), (&vec!["t.1".to_owned()], &vec!["admins".to_owned()]));
    assert_eq!(meta.extension.get("title_ja").map(String::as_str), Some("規則"));
    assert_eq!(rule.logsource.category.as_deref(), Some("c"));
    assert_eq!(error.to_string(), "f.yml#2:19: unknown modifier \"x\"");
    assert_eq!(error.title.as_deref(), Some("t"));
}

#[test]
fn documents_that_are_no_rules_are_refused() {
    for (text, message) in [
        ("- a", "\"document\" must be a map"),
        ("title: t", "none of detection"),
        ("detection: {s: [x], condition: s}", "\"title\" is missing"),
        ("title: t\ndetection: {s: [x], condition: s}", "\"logsource\" is missing"),
        (
            "title: t\nlogsource: {definition: x}\ndetection: {s: [x], condition: s}",
            "at least one of category",
        ),
        ("title: t\nlevel: severe\ndetection: {}", "unknown level"),
        ("title: t\ndetection: [x]", "a map of selections"),
        ("title: t\nlogsource: {product: p}\nfilter: {s: {A: b}, condition: s}", "\"rules\" is missing"),
        ("title: [", "not valid YAML"),
        ("action: jump\ntitle: t", "unknown collection action"),
    ] {
        let documents = read(text);
        let [Err(error)] = documents.as_slice() else { panic!("{text}: {documents:?}") };
        assert!(error.problem.to_string().contains(message), "{text}: {error}");
    }
}

#[test]
fn filters() {
    let filter = |rules: &str| {
        format!(
            "title: f\nlogsource: {{product: p}}\nfilter:\n  rules: {rules}\n  sel: {{U: adm*}}\n  condition: not sel\n"
        )
    };
    for (rules, expected) in [("[r1, r2]", vec!["r1", "r2"]), ("any", vec![]), ("r1", vec!["r1"])] {
        let documents = read(&filter(rules));
        let [Ok(Document::Filter(filter))] = documents.as_slice() else { panic!("{documents:?}") };
        assert_eq!(filter.rules, expected);
        assert_eq!(shown(&filter.condition), "!U=[<adm>*]");
    }
}

#[test]
fn collections_of_the_first_specification() {
    let text = "action: global\ntitle: base\nlogsource: {product: p}\ndetection: {condition: s}\n---\n\
                detection: {s: {A: x}}\n---\naction: repeat\ndetection: {s: {A: y}}\n---\naction: reset\n---\n\
                title: alone\nlogsource: {product: q}\ndetection: {s: [z], condition: s}\n";
    let all: Vec<String> = read(text)
        .into_iter()
        .map(|document| match document {
            Ok(Document::Rule(rule)) => format!("{} {}", rule.meta.title, shown(&rule.conditions[0])),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(all, ["base A=[<x>]", "base A=[<y>]", "alone keyword=[*<z>*]"]);
}

fn correlation(section: &str) -> Result<Correlation, String> {
    let text = format!("title: t\ncorrelation: {section}\n");
    match read(&text).remove(0) {
        Ok(Document::Correlation(correlation)) => Ok(correlation),
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.problem.to_string()),
    }
}

#[test]
fn correlation_documents() {
    let full = correlation(
        "{type: value_count, rules: [a, b], group-by: [x, y], timespan: 90m, generate: true, \
         aliases: {x: {a: p, b: q}}, condition: {field: [v, w], gte: 10, lt: 20}}",
    )
    .unwrap();
    let bounds = vec![(Comparison::GreaterOrEqual, 10.0), (Comparison::Less, 20.0)];
    let condition = CountCondition { bounds, ..CountCondition::default() };
    assert_eq!(full.kind, CorrelationKind::ValueCount { fields: vec!["v".into(), "w".into()], condition });
    assert_eq!((full.group_by.len(), full.timespan_ns, full.generate), (2, 5_400_000_000_000, true));
    assert_eq!(full.aliases["x"]["b"], "q");
    for (text, seconds) in [
        ("1s", 1),
        ("2m", 120),
        ("3h", 10_800),
        ("1d", 86_400),
        ("1w", 604_800),
        ("1M", 2_629_746),
        ("1y", 31_556_952),
    ] {
        let read = correlation(&format!("{{type: temporal, rules: [a, b], timespan: {text}}}")).unwrap();
        assert_eq!(read.timespan_ns, seconds * 1_000_000_000, "{text}");
        assert_eq!(read.kind, CorrelationKind::Temporal(TemporalCondition::All));
    }
    let named = |name: &str| RuleExpression::Rule(name.into());
    let extended = correlation("{type: temporal, timespan: 1s, condition: a and not (b or c)}").unwrap();
    let unless = RuleExpression::Not(Box::new(RuleExpression::Any(vec![named("b"), named("c")])));
    let expression = RuleExpression::All(vec![named("a"), unless]);
    assert_eq!(extended.kind, CorrelationKind::Temporal(TemporalCondition::Expression(expression)));
    assert_eq!(extended.rules, ["a", "b", "c"]);
}

#[test]
fn correlations_that_make_no_sense_are_refused() {
    for (section, message) in [
        ("{rules: [a], timespan: 1s}", "\"type\" is missing"),
        ("{type: event_count, timespan: 1s, condition: {gte: 1}}", "\"rules\" is missing"),
        ("{type: event_count, rules: [a], condition: {gte: 1}}", "\"timespan\" is missing"),
        ("{type: event_count, rules: [a], timespan: 0s, condition: {gte: 1}}", "not a positive number"),
        ("{type: event_count, rules: [a], timespan: 5x, condition: {gte: 1}}", "not a positive number"),
        (
            "{type: event_count, rules: [a], timespan: 9999999999y, condition: {gte: 1}}",
            "not a positive number",
        ),
        ("{type: event_count, rules: [a], timespan: 1s}", "a comparison such as gte is missing"),
        ("{type: event_count, rules: [a], timespan: 1s, condition: {gte: x}}", "needs a number"),
        ("{type: event_count, rules: [a], timespan: 1s, condition: {least: 1}}", "its keys are"),
        ("{type: value_count, rules: [a], timespan: 1s, condition: {gte: 1}}", "value_count needs `field`"),
        ("{type: value_sum, rules: [a], timespan: 1s, condition: {gte: 1}}", "exactly one `field`"),
        (
            "{type: value_percentile, rules: [a], timespan: 1s, condition: {field: f, gte: 1}}",
            "from 0 to 100",
        ),
        ("{type: median, rules: [a], timespan: 1s}", "unknown correlation type"),
        ("{type: temporal, rules: [a], timespan: 1s, condition: a and b}", "not under `rules`"),
        ("{type: temporal, rules: [a], timespan: 1s, condition: not a}", "no rule occurs"),
        ("{type: temporal_ordered, rules: [a, b], timespan: 1s, condition: a and not b}", "without not"),
        ("{type: temporal_ordered, rules: [a, b], timespan: 1s, condition: {lt: 2}}", "takes gt, gte"),
    ] {
        let found = correlation(section);
        assert!(found.as_ref().is_err_and(|text| text.contains(message)), "{section}: {found:?}");
    }
}

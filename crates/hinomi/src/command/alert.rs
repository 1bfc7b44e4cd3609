//! `hinomi alert`.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::Duration;

use hinomi_alert::{
    Address, Alert, AlertId, Delivery, Desk, Language, Moment, Plan, Purpose, Sink, Site, State, compose,
};
use jiff::tz::TimeZone;
use serde_json::json;

use super::investigate::language;
use super::print;
use crate::alerting::{AlertsError, Answer, Question, View, ask, view};
use crate::args::{AlertAck, AlertVerb, Lang, LedgerData};
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::kept::KeptError;
use crate::live::zone_in_force;
use crate::render::harmless;

/// How often it is asked whether a test message has arrived, and how long between.
const LOOKS: u32 = 240;
const LOOK: Duration = Duration::from_millis(500);

pub(super) fn failure(error: AlertsError) -> Failure {
    match &error {
        AlertsError::Door { .. } => Failure::new(Exit::Unreadable, error).hint(
            "alerts are acknowledged at a running hinomi serve, as a user who may write its data directory",
        )
        .japanese(
            "サーバーに接続できません",
            "警報の確認は、hinomi serve の稼働中に、データディレクトリーへ書き込めるユーザーで行います",
        ),
        AlertsError::Kept(KeptError::Damaged { path, .. }) => {
            let text = format!("{}：壊れています", path.display());
            Failure::new(Exit::Failed, error).japanese(text, "")
        }
        AlertsError::Sink { .. } => Failure::new(Exit::Usage, error),
        _ => Failure::new(Exit::Unreadable, error),
    }
}

pub(super) fn run(verb: AlertVerb) -> Result<Exit, Failure> {
    match verb {
        AlertVerb::Ack(args) => acknowledge(&args),
        AlertVerb::List { at, all } => list(&at, all),
        AlertVerb::Show { alert, at } => show(alert, &at),
        AlertVerb::Test { sink, by, data } => test(&sink, &by, &data),
    }
}

fn acknowledge(args: &AlertAck) -> Result<Exit, Failure> {
    let mut exit = Exit::Clean;
    let ja = Lang::of_environment() == Lang::Ja;
    for alert in &args.alerts {
        let question = Question::Acknowledge { alert: *alert, by: args.by.clone(), note: args.note.clone() };
        let said = match ask(&args.data, &question).map_err(failure)? {
            Answer::Acknowledged if ja => format!("{alert}：確認済みにしました\n"),
            Answer::Acknowledged => format!("{alert}: acknowledged\n"),
            Answer::Before { who } => {
                let (by, at) = (harmless(&who.by), time(who.at, &TimeZone::UTC));
                if ja {
                    format!("{alert}：{by} が {at} に確認済みです\n")
                } else {
                    format!("{alert}: {by} acknowledged it at {at}\n")
                }
            }
            Answer::Unknown => {
                exit = exit.and(Exit::Unreadable);
                if ja {
                    format!("{alert}：そのような警報はありません。一覧は hinomi alert list で表示できます\n")
                } else {
                    format!("{alert}: there is no such alert; hinomi alert list shows those that are there\n")
                }
            }
            Answer::Refused { why } => return Err(Failure::new(Exit::Usage, why)),
            _ => return Err(strange()),
        };
        print(said.as_bytes())?;
    }
    Ok(exit)
}

fn strange() -> Failure {
    Failure::new(Exit::Internal, "the server answered something else than it was asked")
}

fn test(sink: &str, by: &str, data: &Path) -> Result<Exit, Failure> {
    let question = Question::Test { sink: sink.to_owned(), by: by.to_owned() };
    let id = match ask(data, &question).map_err(failure)? {
        Answer::Queued { delivery } => delivery,
        Answer::Unknown => {
            let text = format!("通知先 {sink} はありません");
            return Err(Failure::new(Exit::Usage, format!("there is no sink {sink}")).japanese(text, ""));
        }
        Answer::Refused { why } => return Err(Failure::new(Exit::Usage, why)),
        _ => return Err(strange()),
    };
    for _ in 0..LOOKS {
        match ask(data, &Question::Delivery { id }).map_err(failure)? {
            Answer::OnItsWay => thread::sleep(LOOK),
            Answer::Arrived => return print(format!("{sink}: the test message was taken\n").as_bytes()),
            Answer::GivenUp { why } => {
                return Err(Failure::new(Exit::Failed, format!("{sink}: {}", harmless(&why))));
            }
            _ => return Err(strange()),
        }
    }
    let text = format!("{sink}：2 分間応答がありません");
    Err(Failure::new(Exit::Failed, format!("{sink}: it has not answered for two minutes")).japanese(text, ""))
}

fn found(data: &Path) -> Result<View, Failure> {
    let none = || Failure::new(Exit::Unreadable, format!("{}: there were never any alerts", data.display()));
    view(data).map_err(failure)?.ok_or_else(|| {
        none()
            .hint("alerts are made by hinomi serve with [alerts] in its configuration; see docs/alerts.md")
            .japanese(
                format!("{}：警報は一度も出ていません", data.display()),
                "警報は、設定に [alerts] のある hinomi serve が出します。docs/alerts.md を参照してください",
            )
    })
}

fn state(alert: &Alert, lang: Lang) -> &'static str {
    match (&alert.state, lang) {
        (State::Open, Lang::En) => "open",
        (State::Open, Lang::Ja) => "未確認",
        (State::Acknowledged(_), Lang::En) => "acknowledged",
        (State::Acknowledged(_), Lang::Ja) => "確認済み",
        (State::Told, Lang::En) => "told",
        (State::Told, Lang::Ja) => "通知済み",
    }
}

fn list(at: &LedgerData, all: bool) -> Result<Exit, Failure> {
    let desk = found(&at.data)?.desk;
    let mut alerts: Vec<&Alert> = desk.alerts().filter(|alert| all || alert.is_open()).collect();
    alerts.sort_by_key(|alert| (!alert.is_open(), std::cmp::Reverse(alert.level), alert.id));
    let lang = at.lang.unwrap_or_else(language);
    let text = if at.json {
        format!("{}\n", json!(alerts))
    } else if alerts.is_empty() {
        match lang {
            Lang::En => "nothing is open\n".to_owned(),
            Lang::Ja => "未確認の警報はありません\n".to_owned(),
        }
    } else {
        let zone = zone(&at.data, lang);
        alerts.iter().map(|alert| line(alert, lang, &zone)).collect()
    };
    print(text.as_bytes())?;
    Ok(if alerts.iter().any(|alert| alert.is_open()) { Exit::Found } else { Exit::Clean })
}

fn line(alert: &Alert, lang: Lang, zone: &TimeZone) -> String {
    let title = alert.title_ja.as_ref().filter(|_| lang == Lang::Ja).unwrap_or(&alert.title);
    let (made, state, level) = (time(alert.made, zone), state(alert, lang), alert.level);
    let place = harmless(&[alert.host.as_str(), &alert.account].join(" "));
    let (id, count) = (alert.id.to_string(), alert.count);
    format!("{id:<6} {level:<13} {state}  {made}  {count}x  {}  {}\n", harmless(title), place.trim())
}

/// The zone in which the server tells alerts; where it said none, that of the language.
fn zone(data: &Path, lang: Lang) -> TimeZone {
    let told = crate::alerting::zone(data);
    told.unwrap_or_else(|| match lang {
        Lang::En => TimeZone::UTC,
        Lang::Ja => TimeZone::get("Asia/Tokyo").unwrap_or(TimeZone::UTC),
    })
}

fn time(at: Moment, zone: &TimeZone) -> String {
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_zoned(zone.clone());
    at.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

fn show(id: AlertId, at: &LedgerData) -> Result<Exit, Failure> {
    let desk = found(&at.data)?.desk;
    let missing = || {
        Failure::new(Exit::Unreadable, format!("there is no alert {id} here"))
            .japanese(format!("警報 {id} はありません"), "")
    };
    let alert = desk.alert(id).ok_or_else(missing)?;
    if at.json {
        let on_their_way: Vec<&Delivery> = desk.deliveries().filter(|d| d.alerts.contains(&id)).collect();
        return print(format!("{}\n", json!({ "alert": alert, "on_their_way": on_their_way })).as_bytes());
    }
    let text = letter(&desk, alert, at);
    let lines: Vec<_> = text.lines().map(harmless).collect();
    print(format!("{}\n", lines.join("\n")).as_bytes())
}

/// The alert as a sink tells it, for this terminal.
fn letter(desk: &Desk, alert: &Alert, at: &LedgerData) -> String {
    let lang = at.lang.unwrap_or_else(language);
    let language = if lang == Lang::Ja { Language::Ja } else { Language::En };
    let sink = Sink { language, names: true, per_ten_minutes: 1 };
    let plan = Plan {
        zone: zone(&at.data, lang),
        window: Duration::ZERO,
        give_up: Duration::ZERO,
        routes: BTreeMap::new(),
        sinks: BTreeMap::from([("terminal".to_owned(), sink)]),
        people: BTreeMap::new(),
        rotas: BTreeMap::new(),
        policies: BTreeMap::new(),
    };
    let delivery = Delivery {
        id: 0,
        to: Address { sink: "terminal".to_owned(), person: None },
        purpose: Purpose::Alert { rung: 1, round: 0, instead_of: None },
        alerts: vec![alert.id],
        made: alert.made,
        attempts: 0,
        next: alert.made,
    };
    let data = at.data.display().to_string();
    let log_zone = zone_in_force(&at.data).unwrap_or_else(|| "UTC".to_owned());
    let site = Site { name: data.clone(), instance: String::new(), data, log_zone, secret: [0; 32] };
    compose(desk, &plan, &site, &delivery, clock::now().into()).text
}

//! One incident.

use super::super::claim::{Claims, Said2, certainty, level, reasons, severity_reason};
use super::super::markup::{both, escape, word};
use super::super::model::{IncidentDoc, StepDoc};
use super::{graph, timeline};

pub(super) fn incident(claims: &Claims<'_>, number: usize, incident: &IncidentDoc, out: &mut String) {
    out.push_str(&format!(
        "<section><h2 id=\"i{number}\"><span class=\"lv {}\">{}</span> {} {}</h2>\n<p class=\"headline\">{}</p>\n<p class=\"dim\">{} <code>{}</code></p>\n",
        incident.severity,
        both(&level(incident.severity)),
        word("Incident", "インシデント"),
        number + 1,
        both(&claims.headline(incident)),
        both(&severity_reason(&incident.severity_reason)),
        escape(incident.id.get(..8).unwrap_or_default()),
    ));
    stages(claims, incident, out);
    out.push_str(&timeline::incident(claims, incident));
    steps(claims, incident, out);
    graph::graph(claims, number, incident, out);
    doubts(claims, incident, out);
    lost(claims, incident, out);
    unseen(claims, incident, out);
    together(claims, incident, out);
    out.push_str("</section>\n");
}

/// The stages as a strip: seen ones by certainty, the others dashed.
fn stages(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    out.push_str("<ul class=\"stages\">");
    for stage in claims.table.stages() {
        let showing = incident.steps.iter().filter(|s| s.stages.contains(&stage.id));
        let best = showing.map(|s| s.certainty.as_str()).min();
        let class = best.unwrap_or("none");
        let name = Said2::new(&stage.name.en, &stage.name.ja);
        let state = best.map(|b| format!(" · {}", both(&certainty(b)))).unwrap_or_default();
        out.push_str(&format!("<li class=\"{class}\">{}{state}</li>", both(&name)));
    }
    out.push_str("</ul>\n");
}

fn steps(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    let strong = incident.steps.iter().position(|s| !s.weak);
    let early = incident.steps.iter().take(strong.unwrap_or(0)).count();
    out.push_str(&format!("<h3>{}</h3>\n", word("What happened", "何が起きたか")));
    if early > 0 {
        out.push_str(&format!(
            "<p class=\"dim\">{}</p>",
            word(
                &format!("{early} weak signals came before the first strong one."),
                &format!("最初の強い信号より前に、弱い信号が {early} 件ありました。"),
            )
        ));
    }
    out.push_str("<ol class=\"steps\">\n");
    incident.steps.iter().for_each(|s| step(claims, s, out));
    out.push_str("</ol>\n");
    if incident.more_steps > 0 {
        let n = incident.more_steps;
        out.push_str(&format!(
            "<p class=\"dim\">{}</p>\n",
            word(
                &format!("{n} further steps are only in the JSON output."),
                &format!("さらに {n} 段階は JSON 出力にのみ含まれます。"),
            )
        ));
    }
}

fn step(claims: &Claims<'_>, step: &StepDoc, out: &mut String) {
    let (class, weak) = if step.weak {
        ("weak", word("weak signal · ", "弱い信号・"))
    } else {
        ("core", String::new())
    };
    let whys: Vec<String> = step.why.iter().map(|w| both(&claims.why(step, w))).collect();
    let whys = if whys.is_empty() {
        String::new()
    } else {
        format!(" <span class=\"dim\">({})</span>", whys.join(" · "))
    };
    let rule = claims.document.rules.get(step.rule);
    out.push_str(&format!(
        "<li class=\"{class}\"><time>{}</time><div><span class=\"says\">{}</span><div>{weak}<span class=\"{}\">{}</span>{whys}",
        claims.time(claims.span(step).0),
        both(&claims.step(step)),
        step.certainty,
        both(&certainty(&step.certainty)),
    ));
    if let Some(rule) = rule {
        out.push_str(&format!(
            " · <span class=\"{}\">{}</span> <span class=\"dim\">{}</span>",
            rule.level,
            both(&level(rule.level)),
            escape(&rule.techniques.join(" "))
        ));
    }
    out.push_str("</div>");
    fields(claims, step, out);
    let cites: Vec<String> =
        step.cites.iter().map(|c| format!("<a href=\"#c{c}\">[{}]</a>", c + 1)).collect();
    let shown = step.cites.len() as u64;
    let of = if step.events > shown {
        word(
            &format!(" {shown} of {} events cited", step.events),
            &format!(" {} 件中 {shown} 件を引用", step.events),
        )
    } else {
        String::new()
    };
    out.push_str(&format!(
        "<div class=\"cites\">{}<span class=\"dim\">{of}</span></div></div></li>\n",
        cites.join(" ")
    ));
}

/// Fields of the first cited event that has some.
fn fields(claims: &Claims<'_>, step: &StepDoc, out: &mut String) {
    let said = step.cites.iter().filter_map(|&c| claims.document.citations.get(c)?.said.as_ref());
    let Some(said) = said.into_iter().find(|s| !s.fields.is_empty()) else { return };
    let shown: Vec<String> =
        said.fields.iter().map(|(k, v)| format!("<div><b>{}</b> {}</div>", escape(k), escape(v))).collect();
    out.push_str(&format!("<div class=\"fields\">{}</div>", shown.join("")));
}

/// Other explanations, seams, and neighbours that were kept apart.
fn doubts(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    let mut seen: Vec<usize> = Vec::new();
    let mut lines: Vec<String> = Vec::new();
    for step in incident.steps.iter().filter(|s| !s.weak) {
        if seen.contains(&step.rule) {
            continue;
        }
        seen.push(step.rule);
        if let Some(rule) = claims.document.rules.get(step.rule).filter(|r| !r.explain_en.is_empty()) {
            let title = claims.title(step);
            let ja = if rule.explain_ja.is_empty() { &rule.explain_en } else { &rule.explain_ja };
            lines.push(both(&Said2::new(
                format!("{}: {}", title.en, rule.explain_en),
                format!("{}: {ja}", title.ja),
            )));
        }
    }
    if !lines.is_empty() {
        out.push_str(&format!(
            "<h3>{}</h3>\n<ul class=\"plain\">",
            word("Other explanations that fit", "当てはまりうる別の説明")
        ));
        lines.iter().for_each(|l| out.push_str(&format!("<li>{l}</li>")));
        out.push_str("</ul>\n");
    }
    let seams: Vec<_> = incident.links.iter().filter(|l| l.seam).collect();
    if !seams.is_empty() {
        out.push_str(&format!("<div class=\"warn\"><h3>{}</h3><p>{}</p><ul class=\"plain\">", word("May be more than one intrusion", "複数の侵入である可能性"), word(
            "These parts name different accounts, and nothing but the following holds them together; the logs do not allow to separate them.",
            "次の部分は異なるアカウントを示し、下記以外に結び付きがありません。このログからは分離できません。",
        )));
        seams.iter().for_each(|l| out.push_str(&format!("<li>{}</li>", both(&claims.link(l, incident)))));
        out.push_str("</ul></div>\n");
    }
    if !incident.apart.is_empty() {
        out.push_str(&format!(
            "<h3>{}</h3>\n<ul class=\"plain\">",
            word("Kept apart from", "別件として分けたもの")
        ));
        for apart in &incident.apart {
            let other = claims.document.incidents.iter().position(|i| i.id == apart.incident);
            let name = other.map_or_else(
                || escape(apart.incident.get(..8).unwrap_or_default()),
                |n| format!("<a href=\"#i{n}\">{} {}</a>", word("incident", "インシデント"), n + 1),
            );
            let why = reasons(&apart.reasons);
            out.push_str(&format!("<li>{name}: {}</li>", both(&Said2::new(
                format!("both show {}, but accounts, sessions and addresses differ and many use that place.", why.en),
                format!("{}が共通しますが、アカウント・セッション・アドレスが異なり、多くの利用者がいる場所です。", why.ja),
            ))));
        }
        out.push_str("</ul>\n");
    }
}

/// Records that steps say are missing.
fn lost(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    if incident.lost_records.is_empty() {
        return;
    }
    let title = word(
        "Records that are missing: nothing seen there means nothing",
        "欠けている記録：ここで何も見えないことは何も意味しません",
    );
    out.push_str(&format!("<h3>{title}</h3>\n<ul class=\"plain\">"));
    for lost in &incident.lost_records {
        let host = if lost.host.is_empty() { "—" } else { &lost.host };
        out.push_str(&format!("<li><b>{}</b> {}</li>", escape(host), both(&claims.lost(lost))));
    }
    out.push_str("</ul>\n");
}

fn unseen(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    if incident.unseen.is_empty() {
        return;
    }
    out.push_str(&format!(
        "<h3>{}</h3>\n<table><tbody>",
        word(
            "What this does not show, and which log would settle it",
            "示されていないことと、それを確かめるログ"
        )
    ));
    for u in &incident.unseen {
        let state = if u.state == "no-trace" { "no-trace" } else { "unknown" };
        out.push_str(&format!(
            "<tr><td>{}</td><td class=\"{}\">{}</td><td>{}</td></tr>",
            both(&claims.stage(&u.stage)),
            u.state,
            both(&certainty(state)),
            both(&claims.unseen(u))
        ));
    }
    out.push_str("</tbody></table>\n");
}

fn together(claims: &Claims<'_>, incident: &IncidentDoc, out: &mut String) {
    if incident.links.is_empty() {
        return;
    }
    out.push_str(&format!(
        "<details><summary>{}</summary><ul class=\"plain\">",
        word("Why these steps belong together", "これらの段階を一件とした理由")
    ));
    incident
        .links
        .iter()
        .for_each(|l| out.push_str(&format!("<li>{}</li>", both(&claims.link(l, incident)))));
    let parts = incident.parts.to_string();
    out.push_str(&format!(
        "</ul><p class=\"dim\">{}</p></details>\n",
        word(
            &format!(
                "A pair is joined from 100 points on. Parts held together by decisive reasons: {parts}."
            ),
            &format!("100 点以上の組を結びます。決め手となる理由で結ばれた部分の数: {parts}。"),
        )
    ));
}

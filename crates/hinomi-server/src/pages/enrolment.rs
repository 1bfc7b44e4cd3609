//! `/api/v1/enrolment`: what somebody with a link can do, once.

use hinomi_access::{Attestation, FactorKind, Gate, Offer, Secret};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::Answer;
use super::asked::Asked;
use super::problem::Problem;
use super::service::Pages;
use super::session::{PATIENCE, begun};
use super::show;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkOnly {
    link: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolPasskey {
    link: String,
    attestation: Attestation,
    #[serde(default)]
    label: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolPassword {
    link: String,
    password: String,
    code: String,
}

fn link(asked: &Asked<'_>) -> Result<Secret, Problem> {
    let LinkOnly { link } = asked.body()?;
    Ok(Secret::brought(&link))
}

pub(super) fn read(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let invitation = pages.gate().invitation(&link(asked)?, asked.now)?;
    let mut methods = invitation.methods.clone();
    // A sealed code is for the day when nothing else works.
    methods.extend(pages.provider().filter(|_| invitation.account.is_some()).map(|_| FactorKind::Provider));
    Ok(Answer::ok(json!({
        "account": invitation.account.map(|id| id.to_string()),
        "name": invitation.name.as_str(),
        "display": invitation.display,
        "purpose": invitation.purpose.name(),
        "expires": show::time(invitation.expires),
        "methods": show::kinds(&methods),
    })))
}

/// What an authenticator is asked, as the browser takes it.
pub(super) fn creation_options(pages: &Pages, offer: &Offer) -> Value {
    let gate = pages.gate();
    let site = gate.site();
    let known = |kind: i64| json!({ "type": "public-key", "alg": kind });
    let exclude = offer.exclude.iter().map(|id| json!({ "type": "public-key", "id": id }));
    json!({
        "challenge": offer.challenge,
        "rp": { "id": site.relying_party, "name": site.name },
        "user": { "id": offer.handle, "name": offer.name, "displayName": offer.display },
        "pubKeyCredParams": Gate::algorithms().map(known),
        "timeout": PATIENCE,
        "attestation": "none",
        "excludeCredentials": exclude.collect::<Vec<_>>(),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": true,
            "userVerification": "required",
        },
    })
}

pub(super) fn options(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let offer = pages.gate().enrol_offer(&link(asked)?, asked.now, pages.entropy())?;
    Ok(Answer::ok(creation_options(pages, &offer)))
}

pub(super) fn passkey(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let EnrolPasskey { link, attestation, label } = asked.body()?;
    let made = (&attestation, label.as_str());
    let opened = pages.gate().enrol_passkey(&Secret::brought(&link), made, asked.now, pages.entropy());
    begun(pages, asked, opened)
}

pub(super) fn generator(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let gate = pages.gate();
    let (generator, name) = gate.totp_offer(&link(asked)?, asked.now)?;
    let uri = generator.uri(&gate.site().name, name.as_str());
    Ok(Answer::ok(json!({ "secret": generator.base32(), "uri": uri })))
}

pub(super) fn password(pages: &Pages, asked: &Asked<'_>) -> Result<Answer, Problem> {
    let EnrolPassword { link, password, code } = asked.body()?;
    let both = (password.as_str(), code.as_str());
    let opened = pages.gate().enrol_password(&Secret::brought(&link), both, asked.now, pages.entropy());
    begun(pages, asked, opened)
}

"""A mail server with TLS and a password (aiosmtpd), which notes what its own parser reads."""
import email, email.policy, json, os, ssl, sys, time
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

folder, tls = sys.argv[1], sys.argv[2]
context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(os.path.join(folder, "server.pem"), os.path.join(folder, "server.key"))


def note(**fields):
    with open(os.path.join(folder, "seen"), "a") as seen:
        seen.write(json.dumps(fields) + "\n")


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            note(refused=address)
            return "550 no such user"
        if address.startswith("busy") and not os.path.exists(os.path.join(folder, "free")):
            note(deferred=address)
            return "451 come again"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        note(
            to=envelope.rcpt_tos, subject=str(message["subject"]), text=message.get_content(),
            id=message["message-id"], tls=server.transport.get_extra_info("sslcontext") is not None, defects=[str(d) for d in message.defects],
            longest=max(len(line) for line in envelope.content.split(b"\r\n")),
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, data):
    known = data.login == b"hinomi" and data.password == "合言葉".encode()
    note(login=mechanism, known=known)
    return AuthResult(success=known)


class Local(Controller):
    def factory(self):
        excluded = ["PLAIN"] if tls == "implicit" else ["LOGIN"]
        return SMTP(
            self.handler, hostname="localhost", authenticator=authenticate, auth_required=True,
            auth_exclude_mechanism=excluded, auth_require_tls=tls == "starttls",
            tls_context=context if tls == "starttls" else None, require_starttls=tls == "starttls",
        )


port = int(sys.argv[3])
Local(Handler(), hostname="127.0.0.1", port=port, ssl_context=context if tls == "implicit" else None).start()
open(os.path.join(folder, "started"), "w").close()
while True:
    time.sleep(60)

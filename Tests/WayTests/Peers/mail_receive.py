"""A mail server of another house (aiosmtpd): takes mails, and writes what it took as JSON, a line each.

mail_receive.py CERTIFICATE KEY implicit|starttls
"""
import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword


IS_IMPLICIT = sys.argv[3] == "implicit"


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such person"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(json.dumps({
            "from": envelope.mail_from, "to": envelope.rcpt_tos, "subject": mail["subject"], "id": mail["message-id"],
            "text": mail.get_content(), "defects": [str(one) for one in mail.defects],
            "tls": IS_IMPLICIT or session.ssl is not None, "user": session.auth_data.login.decode() if session.auth_data else None,
        }), flush=True)
        return "250 OK"


def sign_in(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b"hilum" and data.password == b"geheim"
    return AuthResult(success=good, handled=False, auth_data=data if good else None)


async def main():
    certificate, key = sys.argv[1:3]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def make():
        return SMTP(
            Handler(), tls_context=None if IS_IMPLICIT else context, require_starttls=not IS_IMPLICIT,
            authenticator=sign_in, auth_required=True, auth_require_tls=not IS_IMPLICIT, hostname="localhost")

    server = await asyncio.get_running_loop().create_server(
        make, "127.0.0.1", 0, ssl=context if IS_IMPLICIT else None)
    print("listening", server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())

"""The API's certificate: by an authority of this machine's own, and renewed long before it ends."""

import ssl
from collections.abc import Callable
from pathlib import Path

from setpoint.drivers.authority import DOMAIN, Authority
from setpoint.drivers.local.files import write_whole

NAME = "Setpoint's API on this machine"
RENEW_S = 24 * 3600.0
"""How often it is made anew; it is good for 90 days."""


class ApiCertificate:
    """`authority`: folder of the authority, whose `ca.pem` callers trust. `file`: where the
    certificate lies with its key, 0600: the library takes it from there only.

    Raises OSError where they cannot be written, and no earlier one is there either.
    """

    def __init__(self, authority: Path, file: Path, now_s: Callable[[], float]) -> None:
        self._authority = Authority(authority, now_s, NAME)
        self._file = file
        self._authority.ensure()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.set_alpn_protocols(["http/1.1"])
        try:
            self.renew()
        except OSError:  # a full disk: the last life's is good for weeks, and is renewed later
            self.context.load_cert_chain(self._file)

    def renew(self) -> None:
        """For connections from now on; those there are keep theirs."""
        certificate, key = self._authority.leaf(DOMAIN, by_address=True)
        write_whole(self._file, certificate + key)
        self.context.load_cert_chain(self._file)

"""By whom this API's certificate is: for who comes from elsewhere, and knows its fingerprint."""

import msgspec

from setpoint.api.call import Call


class Authority(msgspec.Struct, frozen=True):
    """`certificate`: PEM, '' where there is none. `rendezvous_port`: where terminals are met."""

    certificate: str
    rendezvous_port: int


async def info(call: Call) -> Authority:
    """Nothing in it is a secret, and who asks has nobody yet to trust a token to."""
    here = call.services.installation
    return Authority(here.authority, here.rendezvous_port)

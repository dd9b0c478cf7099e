from typing import Any

from salesforce_functions import Context, InvocationEvent, get_logger

logger = get_logger()


async def function(event: InvocationEvent[dict[str, Any]], context: Context) -> dict[str, str]:
    name = (event.data or {}).get("name", "world")
    logger.info(f"Greeting {name}")
    return {"greeting": f"Hello, {name}!", "from": context.org.user.username}

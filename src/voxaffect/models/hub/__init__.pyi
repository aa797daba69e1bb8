from .address import (
    HubAddress as HubAddress,
    is_hub_address as is_hub_address,
    parse_address as parse_address,
)
from .download import fetch_model as fetch_model
from .publishing import PushPlan as PushPlan, plan_push as plan_push, push as push

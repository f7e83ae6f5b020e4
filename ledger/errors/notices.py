"""What subscriptions and the delivery of notices refuse, or cannot do now."""

from ledger.errors.base import Conflict, InputError, NotFound, Unavailable


class WebhookRefused(InputError):
    """An address that notices are not sent to; `detail` says which rule it breaks."""

    code = "webhook_refused"
    zh = "不能向该地址推送通知。"
    en = "Notices are not sent to this address."


class SubscriptionUnknown(NotFound):
    code = "subscription_unknown"
    zh = "没有这项订阅，或不属于该成员。"
    en = "There is no such subscription of this member."


class TooManySubscriptions(Conflict):
    code = "too_many_subscriptions"
    zh = "订阅数量已达上限。"
    en = "There are as many subscriptions as allowed."


class NoticeRefused(InputError):
    """A notice that its receiver must not believe; `detail` says why."""

    code = "notice_refused"
    zh = "通知不可信：签名、时间或内容不符。"
    en = "The notice is not to be believed: its signature, time or content is wrong."


class DeliveryFailed(Unavailable):
    """A notice that could not be handed over; `reason` is a stable code and holds nothing foreign."""

    code = "delivery_failed"
    zh = "通知未能送达。"
    en = "The notice could not be delivered."

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(detail or reason)
        self.reason = reason

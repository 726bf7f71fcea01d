"""What customers and machines do in the shop: each story tells one visit, good or bad."""

# ruff: noqa: PLR2004 - thresholds are the plot of a story, each used once
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.shop.calendar import Incident
from sandbox.shop.catalog import PRODUCTS, SEARCHES, Product
from sandbox.shop.visit import (
    CRITICAL,
    DEBUG,
    ERROR,
    INFO,
    VERBOSE,
    WARNING,
    Visit,
)

TYPE_ERROR = """TypeError: Cannot read properties of undefined (reading 'price')
    at renderPrice (/app/dist/product/price.js:41:27)
    at ProductPage (/app/dist/product/page.js:118:9)
    at renderToString (/app/node_modules/render/server.js:204:15)
    at async handle (/app/dist/server.js:77:18)"""

GATEWAY_ERROR = """com.shop.payments.GatewayException: 502 Bad Gateway from gateway.paywell.example
\tat com.shop.payments.PaywellClient.authorize(PaywellClient.java:142)
\tat com.shop.payments.PaymentService.charge(PaymentService.java:88)
\tat com.shop.payments.api.ChargeResource.post(ChargeResource.java:51)
Caused by: java.net.SocketTimeoutException: Read timed out
\tat java.base/sun.nio.ch.NioSocketImpl.timedRead(NioSocketImpl.java:278)
\t... 23 more"""

_CATEGORIES = tuple(sorted({product.category for product in PRODUCTS}))
_COUPONS = (None, None, None, "SPRING10", "WELCOME5")
_COUNTRIES = ("DE", "FR", "NL", "AT")


def browse(visit: Visit) -> None:
    """Look at a page: a front page, a category or a product; a few look for what was never there."""
    if visit.chance(0.02):
        _page(visit, "/wp-login.php", status=404)
    elif visit.chance(0.25):
        _page(visit, "/", status=200)
    elif visit.chance(0.3):
        _page(visit, f"/c/{visit.pick(_CATEGORIES)}", status=200)
    else:
        _product_page(visit, visit.pick(PRODUCTS))
    if visit.chance(0.2):
        visit.log(
            "storefront",
            DEBUG,
            "fragment cache",
            cache={"hit": visit.chance(0.8), "ttl_s": 300},
        )
    if visit.chance(0.25):
        _nginx(visit)


def search(visit: Visit) -> None:
    """Search the catalogue."""
    words = visit.pick(SEARCHES)
    hits = 0 if words in ("asdfgh", "🔥") else int(visit.rng.random() * 40)
    took = visit.wait(35)
    query = {
        "terms": words.split(),
        "text": words,
        "hits": hits,
        "took_ms": took,
        "filters": [],
    }
    visit.log(
        "search",
        INFO if hits else WARNING,
        "search done" if hits else "no results",
        query=query,
    )
    _page(visit, "/search", status=200)


def fill_cart(visit: Visit) -> None:
    """Put a product into the cart."""
    product = visit.pick(PRODUCTS)
    taken = _ask_database(
        visit,
        "cart",
        "UPDATE cart_items SET quantity = quantity + $1 WHERE cart_id = $2",
    )
    status = 504 if taken > 9_000 else 200
    item = {
        "sku": product.sku,
        "title": product.title,
        "quantity": 1 + int(visit.rng.random() * 3),
    }
    severity = ERROR if status == 504 else INFO
    message = "item not added: database timeout" if status == 504 else "item added"
    visit.log(
        "cart",
        severity,
        message,
        cart={"id": visit.rng.getrandbits(40), "items": [item]},
        duration_ms=taken,
        status=status,
    )
    _stock(visit, product)


def check_out(visit: Visit) -> None:
    """Buy: the order, the payment, and what follows from it."""
    order = _order(visit)
    visit.log(
        "checkout", INFO, "checkout started", order=order, customer=_customer(visit)
    )
    if not _pay(visit, order):
        visit.log(
            "checkout",
            ERROR,
            "order failed: payment not authorised",
            order=order,
            customer=_customer(visit),
        )
        return
    visit.wait(20)
    visit.log("checkout", INFO, "order placed", order=order, customer=_customer(visit))
    visit.wait(400)
    shipment = {
        "carrier": visit.pick(("DHL", "PostNL", "GLS")),
        "order.id": order["id"],
        "parcel.kg": round(visit.rng.random() * 9, 2),
    }
    visit.record("shipping", INFO, "label printed", **shipment)
    visit.log(
        "notifications",
        INFO,
        "e-mail sent",
        template="order-confirmation",
        to=None,
        locale=visit.customer.country.lower(),
    )


def sign_in(visit: Visit) -> None:
    """Sign in; some forget their password."""
    failed, took = visit.chance(0.12), visit.wait(90)
    who = {
        "user.id": visit.customer.id,
        "client.country": visit.customer.country,
        "duration_ms": took,
    }
    if failed and visit.chance(0.1):
        visit.record("auth", ERROR, "account locked", **who, attempts=5)
    elif failed:
        visit.record(
            "auth",
            WARNING,
            "sign-in failed",
            **who,
            attempts=1 + int(visit.rng.random() * 4),
        )
    else:
        visit.record("auth", INFO, "signed in", **who, mfa=visit.chance(0.4))


def background_work(visit: Visit) -> None:
    """Background log lines of machines without visitors."""
    when = f"{visit.clock():%Y-%m-%d %H:%M:%S} UTC"
    tenth = int(visit.rng.random() * 900)
    if visit.chance(0.3):
        visit.text(
            "postgres",
            INFO,
            f"{when} [61] LOG:  checkpoint complete: wrote {tenth} buffers ({tenth / 100:.1f}%)",
        )
    elif visit.chance(0.5):
        visit.log(
            "inventory",
            VERBOSE,
            "stock feed polled",
            feed={"changed": tenth % 7, "source": "warehouse-2"},
            tags=["cron", "feed"],
        )
    else:
        visit.log(
            "search",
            DEBUG,
            "segment merged",
            segment={"docs": tenth * 11, "deleted": None},
        )


def _page(visit: Visit, path: str, status: int, **data: Any) -> None:
    taken = visit.wait(350 if visit.incident is Incident.SLOW_DATABASE else 60)
    if visit.incident is Incident.BAD_DEPLOY and visit.chance(0.35):
        status = 500
        data["exception"] = {"type": "TypeError", "stacktrace": TYPE_ERROR}
    severity = ERROR if status >= 500 else WARNING if status >= 400 else INFO
    http = {
        "bytes": 900 + int(visit.rng.random() * 60_000),
        "latency_ms": taken,
        "method": "GET",
        "path": path,
        "referer": None if visit.chance(0.6) else "https://shop.example/",
        "status": status,
        "user_agent": visit.agent,
    }
    version = "2.15.0" if visit.incident is Incident.BAD_DEPLOY else "2.14.0"
    visit.log(
        "storefront",
        severity,
        f"GET {path} {status}",
        http=http,
        version=version,
        **data,
    )


def _product_page(visit: Visit, product: Product) -> None:
    price = {"amount": product.price, "currency": "EUR"}
    shown = {"sku": product.sku, "title": product.title, "price": price}
    _page(visit, f"/p/{product.sku}", status=200, product=shown)


def _nginx(visit: Visit) -> None:
    address = f"{'2001:db8::' if visit.chance(0.2) else '203.0.113.'}{1 + int(visit.rng.random() * 250)}"
    line = f'{address} - - [{visit.clock():%d/%b/%Y:%H:%M:%S} +0000] "GET /static/app.css HTTP/2.0" 200 18211 "-" "{visit.agent}"'
    visit.text("ingress", INFO, line)


def _ask_database(visit: Visit, service: str, statement: str) -> float:
    """Wait for the database; when it is slow, it and its caller say so."""
    if visit.incident is not Incident.SLOW_DATABASE:
        return visit.wait(12)
    taken = visit.wait(1_900)
    if taken > 1_500:
        stamp = f"{visit.clock():%Y-%m-%d %H:%M:%S} UTC"
        visit.text(
            "postgres",
            WARNING,
            f"{stamp} [4711] LOG:  duration: {taken:.3f} ms  statement: {statement}",
        )
        visit.log(
            service,
            WARNING,
            "slow query",
            db={
                "duration_ms": taken,
                "pool": {"busy": 40, "size": 40},
                "statement": statement,
            },
        )
    return taken


def _stock(visit: Visit, product: Product) -> None:
    taken = _ask_database(
        visit, "inventory", "SELECT available FROM stock WHERE sku = $1"
    )
    available = int(visit.rng.random() * 120)
    stock = {
        "sku": product.sku,
        "available": available,
        "reserved": None if available > 100 else available // 3,
    }
    visit.log(
        "inventory",
        INFO if available > 3 else WARNING,
        "stock checked" if available > 3 else "stock low",
        stock=stock,
        duration_ms=taken,
    )


def _order(visit: Visit) -> dict[str, Any]:
    items, total = [], 0.0
    for _ in range(1 + int(visit.rng.random() * 3)):
        product, quantity = visit.pick(PRODUCTS), 1 + int(visit.rng.random() * 2)
        items.append(
            {
                "sku": product.sku,
                "title": product.title,
                "quantity": quantity,
                "price": product.price,
            }
        )
        total += product.price * quantity
    return {
        "coupon": visit.pick(_COUPONS),
        "id": 8_100_000_000_000_000_000 + visit.rng.getrandbits(58),
        "items": items,
        "total": {"amount": round(total, 2), "currency": visit.customer.currency},
    }


def _customer(visit: Visit) -> dict[str, Any]:
    return {
        "country": visit.customer.country,
        "id": visit.customer.id,
        "name": visit.customer.name,
    }


def _pay(visit: Visit, order: dict[str, Any]) -> bool:
    payment = {
        "amount": order["total"]["amount"],
        "currency": order["total"]["currency"],
        "gateway": "paywell",
        "orderId": order["id"],
    }
    if visit.incident is Incident.GATEWAY_OUTAGE and visit.chance(0.7):
        taken = visit.wait(8_000)
        error = {"type": "GatewayException", "stacktrace": GATEWAY_ERROR}
        visit.log(
            "payments",
            ERROR,
            "gateway answered 502 Bad Gateway",
            payment=payment | {"status": 502, "attempts": 3},
            exception=error,
            duration_ms=taken,
        )
        if visit.chance(0.06):
            visit.log(
                "payments",
                CRITICAL,
                "circuit breaker open: paywell",
                breaker={"failures": 50, "retry_after_s": 30},
            )
        return False
    taken = visit.wait(350)
    declined = visit.chance(0.03)
    status, message = (
        (402, "card declined") if declined else (201, "payment authorised")
    )
    visit.log(
        "payments",
        WARNING if declined else INFO,
        message,
        payment=payment | {"status": status, "attempts": 1},
        duration_ms=taken,
    )
    return not declined


# How often each story is told, in percent.
EVENTS: tuple[tuple[int, Callable[[Visit], None]], ...] = (
    (46, browse),
    (14, search),
    (14, fill_cart),
    (9, check_out),
    (9, sign_in),
    (8, background_work),
)

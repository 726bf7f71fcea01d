"""What the shop sells, to whom, and what runs it. Invented, in many scripts on purpose."""

# ruff: noqa: RUF001 - letters of other scripts are the point
from __future__ import annotations

from typing import NamedTuple
from uuid import NAMESPACE_OID, uuid5
from zlib import crc32

import msgspec

from sandbox.table import Source, source


class Product(NamedTuple):
    """One article; ``price`` in euro."""

    sku: str
    title: str
    price: float
    category: str


class Customer(NamedTuple):
    """One customer; the number is beyond what a JavaScript number can hold."""

    id: int
    name: str
    country: str
    currency: str


class Pod(NamedTuple):
    """One running copy of a service: its labels, and the two usual ways its lines describe it."""

    source: Source
    kubernetes: msgspec.Raw
    resource: msgspec.Raw


_TITLES = (
    ("Enamel mug “Harbour”", 14.9, "kitchen"), ("Crème brûlée torch 🔥", 39.0, "kitchen"), ("抹茶セット", 58.5, "tea"),
    ("Čaj z Ceylonu", 9.8, "tea"), ("قهوة عربية", 12.4, "coffee"), ("Ethiopian coffee, 1 kg ☕", 27.9, "coffee"),
    ("ספר בישול", 24.0, "books"), ("Der große Gewürzatlas", 32.0, "books"), ("Смарт-лампа", 19.99, "light"),
    ("Lámpara de mesa", 64.5, "light"), ("한글 키보드", 89.0, "office"), ("Notebook, dotted", 7.5, "office"),
    ("Wool blanket 🐑", 119.0, "home"), ("Vase “Łódź”", 45.0, "home"), ("Cast-iron pan 28 cm", 74.9, "kitchen"),
    ("Σαπούνι ελιάς", 4.2, "bath"), ("Linen towel", 22.0, "bath"), ("गरम मसाला", 5.9, "spices"),
    ("Saffron 1 g", 11.9, "spices"), ("Gift card =50€", 50.0, "gifts"), ("Puzzle “1000 👩‍👩‍👧 pieces”", 29.0, "gifts"),
    ("Rain jacket", 139.0, "outdoor"), ("Thermos 0,75 l", 34.0, "outdoor"), ("Bike bell 🚲", 12.0, "outdoor"),
)  # fmt: skip
PRODUCTS = tuple(
    Product(f"SKU-{1000 + n * 37}", *entry) for n, entry in enumerate(_TITLES)
)

_PEOPLE = (
    ("Zoë Müller", "DE", "EUR"), ("François Dubois", "FR", "EUR"), ("Nguyễn Thị Lan", "VN", "USD"),
    ("Олена Шевченко", "UA", "EUR"), ("محمد العلي", "AE", "USD"), ("נועה לוי", "IL", "EUR"),
    ("佐藤 美咲", "JP", "JPY"), ("Søren Kjær", "DK", "DKK"), ("Ayşe Yılmaz", "TR", "EUR"),
    ("Siobhán O’Neill", "IE", "EUR"), ("José da Silva", "PT", "EUR"), ("Łukasz Wójcik", "PL", "PLN"),
    ("Anna Smith", "GB", "GBP"), ("Δημήτρης Παππάς", "GR", "EUR"), ("李小龍", "TW", "USD"), ("Priya Sharma", "IN", "USD"),
)  # fmt: skip
CUSTOMERS = tuple(
    Customer(7_423_118_220_334_560_000 + n * 98_765_431, *_PEOPLE[n % len(_PEOPLE)])
    for n in range(400)
)

SEARCHES = (
    "mug", "coffee", "кружка", "قهوة", "lamp", "抹茶", "blanket wool", "gift", "spice", "towel", "crème brûlée",
    "keyboard", "asdfgh", "🔥", "rain jacket", "pan 28",
)  # fmt: skip

USER_AGENTS = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36",
    "ShopApp/8.4.1 (iOS 19.1; Scale/3.00)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
)

_SERVICES = {
    "ingress": ("platform", 2), "storefront": ("shop", 4), "search": ("shop", 2), "cart": ("shop", 3),
    "checkout": ("shop", 3), "payments": ("shop", 2), "inventory": ("shop", 2), "auth": ("shop", 2),
    "shipping": ("back-office", 2), "notifications": ("back-office", 1), "postgres": ("platform", 1),
    "deployer": ("platform", 1),
}  # fmt: skip


def _pod(service: str, namespace: str, number: int) -> Pod:
    tag = f"{(crc32(service.encode()) + number * 7919) % 0xFFFFF:05x}"
    name, host = (
        f"{service}-6d9f7c{number}b8-{tag}",
        f"ip-10-4-{number}-{crc32(service.encode()) % 250}",
    )
    kubernetes = {
        "container_image": f"registry.shop.example/{service}:2.14.{number}",
        "container_name": service,
        "host": host,
        "labels": {
            "app.kubernetes.io/name": service,
            "pod-template-hash": f"6d9f7c{number}b8",
        },
        "namespace_name": namespace,
        "pod_ip": f"10.4.{number}.{crc32(service.encode()) % 250}",
        "pod_name": name,
    }
    resource = {
        "attributes": {
            "host.name": host,
            "k8s.namespace.name": namespace,
            "k8s.pod.name": name,
            "service.name": service,
            "service.version": "2.14.0",
        }
    }
    raws = (
        msgspec.Raw(msgspec.json.encode(part, order="sorted"))
        for part in (kubernetes, resource)
    )
    return Pod(source(namespace, service, computername=host), *raws)


def template_id(text: str) -> str:
    """The id of a message template: the same text always has the same one."""
    return str(uuid5(NAMESPACE_OID, text))


PODS = {
    service: tuple(_pod(service, namespace, number) for number in range(1, copies + 1))
    for service, (namespace, copies) in _SERVICES.items()
}

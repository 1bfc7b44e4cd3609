"""Fills the file share with invented business files. Same bytes on every run: nothing here is anybody's data."""

import random
import sys
from pathlib import Path

FAMILY = "Aoki Baba Chiba Doi Endo Fujita Goto Hara Ikeda Jinno Kato Mori Nishi Ono Sakai Toda Ueno Wada Yano".split()
GIVEN = "Akari Botan Chika Daichi Eita Fumi Gen Haruka Itsuki Jun Kaede Mio Nao Ren Sora Tomo Yui".split()
GOODS = "paper toner chair lamp folder stamp cutter label tape tray".split()


def person(rng: random.Random) -> str:
    return f"{rng.choice(FAMILY)} {rng.choice(GIVEN)}"


def customers(rng: random.Random, rows: int) -> str:
    lines = ["id,name,mail,phone,city"]
    for number in range(rows):
        lines.append(
            f"{number},{person(rng)},c{number}@example.org,"
            f"000-{rng.randrange(10_000):04}-{rng.randrange(10_000):04},city-{rng.randrange(900):03}"
        )
    return "\n".join(lines) + "\n"


def salaries(rng: random.Random, rows: int) -> str:
    lines = ["employee,name,grade,monthly_yen"]
    lines += [f"E{n:05},{person(rng)},{rng.randrange(1, 9)},{rng.randrange(220, 900)}000" for n in range(rows)]
    return "\n".join(lines) + "\n"


def orders(rng: random.Random, rows: int) -> str:
    lines = ["order,goods,count,yen"]
    lines += [f"{n},{rng.choice(GOODS)},{rng.randrange(1, 40)},{rng.randrange(100, 90000)}" for n in range(rows)]
    return "\n".join(lines) + "\n"


def main() -> None:
    share = Path(sys.argv[1])
    rng = random.Random(20260401)
    files = {
        "customers/customers-east.csv": customers(rng, 120_000),
        "customers/customers-west.csv": customers(rng, 90_000),
        "hr/salaries.csv": salaries(rng, 9_000),
        "hr/interviews.txt": "".join(f"{person(rng)}: second interview\n" for _ in range(400)),
        "sales/orders-03.csv": orders(rng, 20_000),
        "sales/orders-04.csv": orders(rng, 20_000),
        "reports/monthly-03.csv": orders(rng, 3_000),
        "reports/monthly-04.csv": orders(rng, 3_000),
    }
    for name, text in files.items():
        path = share / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The service and the studio in turn on the same folders: what one began waits for it, and is not gone on with by the other."""

from __future__ import annotations

import pytest

from tests.e2e.cloud import Cloud
from tests.e2e.house import House

WORDS = "A 1 second film without music about"
STUDIO = {"service": {"backend": "studio"}}


@pytest.mark.slow
def test_a_film_that_is_paid_waits_for_the_service_while_the_studio_makes_one_of_its_own(house: House, cloud: Cloud):
    house.start()
    hook = cloud.hook("render", "asked", house.kill)
    house.project("trip", f"{WORDS} trip")
    assert hook.happened.wait(120), house.report()
    asked = len(cloud.calls)
    done = house.command("run", "--once", "--studio")
    assert done.returncode == 0, done.stderr
    assert (house.row("trip")["state"], house.row("trip")["version"]) == ("done", 2)
    assert len(cloud.calls) == asked, "the studio's daemon calls no service"
    house.start()
    house.until((house.outbox / "trip" / "trip-v1.mp4").exists)
    house.until_done("trip", version=2)
    assert cloud.messages == [f"{WORDS} trip"]
    assert set(house.videos()) == {"trip/trip.mp4", "trip/trip-v1.mp4", "trip/trip-v2.mp4"}
    assert house.video("trip/trip.mp4") == house.video("trip/trip-v2.mp4")


def test_a_film_that_the_studio_began_is_bought_once_by_what_the_service_is_asked_for(house: House, cloud: Cloud):
    house.configure(STUDIO)
    house.start()
    house.project("trip", "A 60 second film about trip")
    house.until(lambda: "render" in house.row("trip").get("detail", ""))
    house.kill()
    house.configure()
    house.start()
    house.until_done("trip", version=2)
    house.photos("later/a.jpg")
    house.write("later/prompt.txt", "About later")
    house.until_done("later")
    assert cloud.messages == ["A 60 second film about trip", "About later"]

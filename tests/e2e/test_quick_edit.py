from __future__ import annotations

from tests.e2e.cloud import Cloud
from tests.e2e.house import House


def test_photos_with_words_become_a_video(house: House, cloud: Cloud):
    house.project("beach", "A film of the beach, 10 seconds")
    before = house.belongings()
    house.start()
    row = house.until_done("beach")
    assert (row["version"], row["progress"], row["needs"], row["video"]) == (1, 1.0, None, "beach/beach.mp4")
    assert house.video("beach/beach.mp4") == house.video("beach/beach-v1.mp4") == cloud.film.made[0]
    assert cloud.messages == ["A film of the beach, 10 seconds"]
    assert (cloud.count("token"), cloud.count("session"), cloud.count("upload"), cloud.count("render")) == (1, 1, 2, 1)
    assert house.belongings() == before
    assert house.leftovers() == []
    assert house.stop() == 0

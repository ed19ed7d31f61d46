"""The language of the session body, from short prompts. API text "Authentication" 2."""

from __future__ import annotations

import pytest

from nemo_watch.nemo.language import language_of


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("generate a video from my photos with transitions and background music", "en"),
        ("make it look better", "en"), ("export", "en"), ("ok", "en"), ("slower", "en"), ("Paris 2024", "en"),
        ("用我的照片生成一个视频，加上转场和背景音乐", "zh-CN"), ("加上背景音乐 BGM", "zh-CN"), ("片头加标题“Urban Dreams”", "zh-CN"),
        ("写真から動画を作ってください", "ja"), ("BGMを追加して", "ja"), ("배경 음악 추가", "ko"), ('제목 "Urban Dreams" 넣어줘', "ko"),
        ("haz un vídeo con mis fotos y música de fondo", "es"), ("fais une vidéo avec mes photos", "fr"),
        ("Mach ein Video aus meinen Fotos mit Musik", "de"), ("faça um vídeo com as minhas fotos", "pt"),
        ("сделай видео из моих фотографий", "ru"), ("اصنع فيديو من صوري مع موسيقى", "ar"),
        ('Add "旅行" as title', "en"), ("", "en"), ("🎬", "en"), ("IMG_1234.jpg", "en"), ("\ud800", "en"),
    ],
)  # fmt: skip
def test_short_prompts_are_told_by_their_language(text, code):
    assert language_of(text) == code

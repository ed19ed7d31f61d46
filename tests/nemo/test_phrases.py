"""What is asked whole is routed; what is said about content is kept. API text "Matching Input", "Translating GUI"."""

from __future__ import annotations

import pytest

from nemo_watch.nemo.phrases import Action, Deed, DeedKind, asks_back, is_vague, routed, shown
from nemo_watch.nemo.sentences import sentences

ROUTES = {
    Action.EXPORT: [
        "export", "Export!", "please export", "导出", "导出视频", "download", "Download the video please", "send me the video!",
        "can you export it?", "导出吧", "请导出视频", "帮我下载视频", "把视频发给我", "export as mp4", "Give me the video, thanks", "下载",
        "export 🎬", "导出 MP4", "Could you please send me the video now?", "  export\n",
    ],
    Action.CREDITS: [
        "credits", "积分", "balance", "余额", "show my credits", "How many credits do I have left?", "what is my balance?",
        "查看余额", "我还有多少积分", "还剩多少积分？", "check my balance please",
    ],
    Action.STATUS: ["status", "状态", "show tracks", "Show me the tracks", "what's the status?", "查看状态", "显示轨道"],
    Action.UPLOAD: ["upload", "上传", "upload my photos", "请上传文件", "upload this file"],
    Action.MESSAGE: [
        "export as a slideshow with music", "add an upload animation", "make the credits roll at the end", "add credits",
        "导出一个带音乐的幻灯片", "导出前加上字幕", "balance the audio", "download music and add it", "status video for my team",
        "generate a video from my photos with transitions and background music", "", "...", "send me", "yes", "give me this",
        "send me the video with a title added", "export it with subtitles", "把积分海报放在片尾", "上传的照片按顺序播放",
        "show tracks of animals in snow", "render it in black and white", "余额宝广告视频", "export " * 50,
    ],
}  # fmt: skip


@pytest.mark.parametrize(("action", "text"), [(action, text) for action, texts in ROUTES.items() for text in texts])
def test_a_whole_request_is_routed_and_a_word_inside_an_instruction_is_not(action, text):
    assert routed(text) is action


@pytest.mark.parametrize(
    ("text", "told", "deeds"),
    [
        ("Your clip is ready. Click Export.", "Your clip is ready. nemo-watch exports the video for you.", ["export"]),
        ("I added the title; click “Export” to download it.", "I added the title; nemo-watch exports the video for you.",
         ["export"]),
        ("You can preview it in the timeline.", "The timeline stands in timeline.txt.", ["preview"]),
        ("Open the Media panel to see your clips.", "nemo-watch reads the project for you.", ["open"]),
        ("Please check your account billing page.", "The balance is shown by: nemo-watch credits.", ["balance"]),
        ("视频已生成。点击“导出”按钮即可下载。", "视频已生成。nemo-watch 会为您导出视频。", ["export"]),
        ("我添加了标题，您可以在时间线中预览效果。", "我添加了标题，时间线写在 timeline.txt 里。", ["preview"]),
        ("打开编辑器查看。", "nemo-watch 会为您读取项目。", ["open"]),
    ],
)  # fmt: skip
def test_gui_words_become_deeds_and_the_rest_stays(text, told, deeds):
    found = shown(text)
    assert (found.text, [deed.kind for deed in found.deeds]) == (told, deeds)


@pytest.mark.parametrize(
    "text",
    [
        "The video opens with a sunset. The beat drops at 0:05.", "I added a click sound when the door closes.",
        "I've set the export resolution to 1080p.", "Would you like me to export it?", "Drop shadow was added to the title.",
        "I used a drag race clip as the opening.", "标题“城市之梦”已添加，时长三秒。", "预览图已生成。", "I exported nothing, 3.5s long.",
    ],
)  # fmt: skip
def test_words_about_the_content_are_no_gui_words(text):
    assert shown(text) == shown(text).__class__(text)


def test_of_a_reply_of_megabytes_all_is_kept_and_the_button_at_its_end_is_found():
    text = "The sea is calm. " * 100_000
    found = shown(text + "Click Export.")
    assert found.text == text + "nemo-watch exports the video for you."
    assert [deed.kind for deed in found.deeds] == ["export"]


def test_dragging_is_one_edit_with_its_own_words():
    assert shown("You can drag the clip to 0:05.").deeds == (Deed(DeedKind.EDIT, "drag the clip to 0:05"),)
    assert shown("请将音乐拖拽到第二条轨道。").deeds == (Deed(DeedKind.EDIT, "将音乐拖拽到第二条轨道"),)


def test_the_same_deed_is_told_and_done_once():
    found = shown("Click Export. Then click Export.")
    assert found.text == "nemo-watch exports the video for you."
    assert found.deeds == (Deed(DeedKind.EXPORT),)


@pytest.mark.parametrize(
    ("text", "question"),
    [
        ("Your video is ready. Would you like me to add music?", "Would you like me to add music?"),
        ("请告诉我您想要的风格。", "请告诉我您想要的风格。"),
        ("您想要什么风格的音乐？", "您想要什么风格的音乐？"),
        ("Please provide more details about the video.", "Please provide more details about the video."),
        ("**Which ratio?**", "**Which ratio?**"),
        ('I added the title "Where are we?".', None),
        ("Done.", None),
        ("", None),
    ],
)
def test_a_question_asked_of_the_person_is_found(text, question):
    assert asks_back(text) == question


@pytest.mark.parametrize(
    "text", ["make it look better", "Make it better!", "improve it", "更好看", "美化一下", "make a video"]
)
def test_vague_prompts_are_told(text):
    assert is_vague(text)


@pytest.mark.parametrize(
    "text", ["make it shorter", "add music", "yes", "加音乐", "做一个旅行视频", "edit it to 30 seconds", "好"]
)
def test_concrete_prompts_are_not_vague(text):
    assert not is_vague(text)


@pytest.mark.parametrize("unit", [".", " ", "- watch ", ", ", "“", "you ", "click ", "\n ", '"'])
def test_long_texts_are_split_without_loss_and_without_costing_their_square(unit):
    text = unit * 100_000
    assert "".join(sentences(text)) == text
    shown(text)
    asks_back(text)
    assert routed(text) is Action.MESSAGE

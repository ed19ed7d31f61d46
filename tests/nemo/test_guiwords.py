"""Replies as the service gives them, and what is read here. API text "Translating GUI Instructions"."""

from __future__ import annotations

import pytest

from nemo_watch.nemo.guiwords import Deed, DeedKind, Shown, shown

EXPORTS = "nemo-watch exports the video for you"
TIMELINE = "he timeline stands in timeline.txt"
READS = "nemo-watch reads the project for you"
BALANCE = "he balance is shown by: nemo-watch credits"
NO_BUTTON = "There is no button to press here: say it in the prompt"
UPLOADS = "nemo-watch uploads what is put into the project's folder"
EDIT = "his step is sent to NemoVideo as an edit"
ZH_EXPORTS, ZH_TIMELINE, ZH_READS = (
    "nemo-watch 会为您导出视频",
    "时间线写在 timeline.txt 里",
    "nemo-watch 会为您读取项目",
)
ZH_BALANCE, ZH_EDIT = "余额可用命令查看：nemo-watch credits", "这一步会作为编辑指令发送"

READ_ALOUD = [
    # export
    ("Your video is ready to export.", f"Your video is ready; {EXPORTS}."),
    ("Your video is now ready to export!", f"Your video is now ready; {EXPORTS}!"),
    ("I've finished your video, and it's ready for export.", f"I've finished your video, and it's ready; {EXPORTS}."),
    ("The video is available for download.", f"The video is available; {EXPORTS}."),
    ("Your video can be exported by clicking the Export button.", f"{EXPORTS}."),
    ("The video can now be exported by clicking the Export button in the top right corner.", f"{EXPORTS}."),
    ('You can export the video by clicking the "Export" button.', f"{EXPORTS}."),
    ("Click the Export button to download your video.", f"{EXPORTS}."),
    ("CLICK EXPORT TO DOWNLOAD!", f"{EXPORTS}!"),
    ("Simply hit **Export** and you're done!", f"{EXPORTS}!"),
    ("Go ahead and export it!", f"{EXPORTS}!"),
    ("It's time to export your video.", f"{EXPORTS}."),
    ("The Export button is in the top-right corner.", f"{EXPORTS}."),
    ("Head over to the Export tab.", f"{EXPORTS}."),
    ("Open the Export panel and click Export.", f"{EXPORTS}."),
    ("To export, click the Export button in the top right corner.", f"{EXPORTS}."),
    ("When you're ready to export, click the Export button.", f"{EXPORTS}."),
    ("Once exported, your video can be downloaded from the library.", f"{EXPORTS}."),
    ("Don't forget to click Export when you're done.", f"{EXPORTS}."),
    ("I added upbeat music, click Export to download it.", f"I added upbeat music; {EXPORTS}."),
    ("If you like the result, click Export.", f"If you like the result, {EXPORTS}."),
    ("If you're happy with the result click Export.", f"If you're happy with the result, {EXPORTS}."),
    ("Your video is ready (click Export to download it).", f"Your video is ready ({EXPORTS})."),
    ("Next steps: click Export, choose MP4 and wait for the download.", f"Next steps: {EXPORTS}."),
    ("All done – click Export when you're ready.", f"All done – {EXPORTS}."),
    ("Review the video before clicking Export.", f"Review the video; {EXPORTS}."),
    ("Tell me what to change or click Export.", f"Tell me what to change; {EXPORTS}."),
    ("Click Export, and I'll add subtitles later.", f"{EXPORTS}, and I'll add subtitles later."),
    ("Click Export if you like it, or tell me what to change.", f"{EXPORTS}, or tell me what to change."),
    ("Click Export. When it is done, click Download.", f"{EXPORTS}."),
    ("- Click **Export** to save it\n- Add a title", f"- {EXPORTS}\n- Add a title"),
    # preview
    ("Feel free to preview in timeline.", f"T{TIMELINE}."),
    ("You can preview it in the timeline panel now.", f"T{TIMELINE}."),
    ("I'd suggest you preview it in the timeline first.", f"T{TIMELINE}."),
    ("I added upbeat music and you can preview it in the timeline.", f"I added upbeat music and t{TIMELINE}."),
    ("Preview the result and let me know what you think.", f"T{TIMELINE}; let me know what you think."),
    ("Preview it in the timeline, then click Export to download your video.", f"T{TIMELINE}, and {EXPORTS}."),
    ("You can now preview and export your video.", f"T{TIMELINE}, and {EXPORTS}."),
    ("All set! Press the Play button to preview, or hit Export.", f"All set! T{TIMELINE}, and {EXPORTS}."),
    ("Steps:\n1. Preview it.\n2. Click Export.\n3. Click Download.", f"Steps:\n1. T{TIMELINE}.\n2. {EXPORTS}."),
    # open, click
    ("Open the Media panel to see your clips.", f"{READS}."),
    ("You can also open the timeline to review the cut.", f"{READS}."),
    ("To change the music, open the Audio panel.", "To change the music, say it in the prompt."),
    ("Click the gear icon to change the aspect ratio.", f"{NO_BUTTON}."),
    ('If you want to add a logo, click the "+" icon.', "If you want to add a logo, say it in the prompt."),
    ("You can change the volume by dragging the slider.", "You can change the volume: say it in the prompt."),
    ("You can add photos by clicking the Upload button.", f"You can add photos; {UPLOADS}."),
    ("Drag and drop your photos here to upload them.", f"{UPLOADS}."),
    # balance
    ("Check your account for remaining credits.", f"T{BALANCE}."),
    ("You can check your remaining credits in your account.", f"T{BALANCE}."),
    ("Your remaining credits can be found in the account menu.", f"T{BALANCE}."),
    ("Please go to Settings > Billing to check your balance.", f"T{BALANCE}."),
    ("I ran out of credits; please visit the billing page.", f"I ran out of credits; t{BALANCE}."),
    # drag
    ("Drag and drop the music track to the timeline at 0s.", f"T{EDIT} (Drag and drop the music track to the timeline at 0s)."),
    ("Drag the photo onto track 2, and click Export.", f"T{EDIT} (Drag the photo onto track 2), and {EXPORTS}."),
    ("Drag and drop.", f"{NO_BUTTON}."),
    # Chinese
    ("视频已生成，请点击“导出”按钮下载。", f"视频已生成，{ZH_EXPORTS}。"),
    ("您的视频已准备好导出。", f"您的视频已准备好，{ZH_EXPORTS}。"),
    ("您的视频已经可以导出了。", f"{ZH_EXPORTS}。"),
    ("满意后点击导出即可下载。", f"{ZH_EXPORTS}。"),
    ("通过点击导出按钮，您可以下载视频。", f"{ZH_EXPORTS}。"),
    ("导出按钮位于右上角。", f"{ZH_EXPORTS}。"),
    ("打开编辑器后，点击右上角的导出按钮。", f"{ZH_EXPORTS}。"),
    ("您可以在时间线中预览，然后点击“导出”下载视频。", f"{ZH_TIMELINE}，{ZH_EXPORTS}。"),
    ("我添加了字幕并可在时间线中预览。", f"我添加了字幕，{ZH_TIMELINE}。"),
    ("标题已添加，点击播放按钮预览效果。", f"标题已添加，{ZH_TIMELINE}。"),
    ("打开项目查看最新的剪辑。", f"{ZH_READS}。"),
    ("要更换音乐，请打开音频面板。", "要更换音乐，请写在提示词里。"),
    ("如果想添加标志，点击“+”图标。", "如果想添加标志，请写在提示词里。"),
    ("请查看账户余额。", f"{ZH_BALANCE}。"),
    ("请在账户页面查看剩余积分。", f"{ZH_BALANCE}。"),
    ("请将照片拖到此处上传。", "nemo-watch 会上传项目文件夹里的文件。"),
    ("请拖拽音乐轨道到时间线0秒处。", f"{ZH_EDIT}（拖拽音乐轨道到时间线0秒处）。"),
    ("把片头拖拽到最前面，然后点击导出。", f"{ZH_EDIT}（把片头拖拽到最前面），{ZH_EXPORTS}。"),
    ("拖拽。", "这里没有按钮：请写在提示词里。"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "read"), READ_ALOUD)
def test_a_reply_reads_as_sentences(said, read):
    assert shown(said).text == read


@pytest.mark.parametrize(
    "text",
    [
        'I added the title "Click here".', "The title now says “Sign up and click Export”.", "Click Sound was added at 0:03.",
        "The hero ends the show by pressing the red button.", "The door opens and a cat drops in.",
        "I set the beat to drop at 0:05 and the title to open the scene.", "I've added a drop shadow, and the logo hits at 2s.",
        "Open with a wide shot, then cut to the face.", "Tap dance footage was used for the intro.", "I used a swipe to open the film.",
        "Your timeline is 10 seconds long.", "I used the preview frame as a cover.", "The credits roll at the end of the film.",
        "The balance between voice and music was fixed.", "Export settings are 1080p and MP4.", "The film can be seen as a journey.",
        "You can see the sunset clip at 0:05 in the timeline.", "Check the colours in the second clip.", "Hit song added.",
        "When you press play, the music starts at once.", "Watch the sunset fade into the night at 0:08.",
        "Find the lost dog: that is the story of the film.", "Download your video here: https://cdn.test/x.mp4",
        "Would you like to preview it in the timeline first?", "The text reads: Open the door.",
        "音乐在点击声响起时进入。", "标题“点击这里”已添加。", "视频以推门打开的画面开头，节奏在5秒处落下。", "我已将音乐拖到0秒处。",
        "片尾加入了下载二维码。", "时间线上共有三条轨道。", "预览视频已生成。", "镜头以打开窗户的画面开始。",
    ],
)  # fmt: skip
def test_what_is_said_about_the_film_stays_to_the_letter(text):
    assert shown(text) == Shown(text)


@pytest.mark.parametrize(
    ("said", "edit"),
    [
        ("Drag and drop the music track to the timeline at 0s.", "Drag and drop the music track to the timeline at 0s"),
        ("Drag the music track to the timeline, then drop it at 0s.", "Drag the music track to the timeline, then drop it at 0s"),
        ("Drag the music, titles, and effects to the timeline.", "Drag the music, titles, and effects to the timeline"),
        ("You can drag the clip to 0:05 and trim it to 3 seconds.", "drag the clip to 0:05 and trim it to 3 seconds"),
        ("Drag the photo onto track 2, adjust its length to 5 s, and click Export.",
         "Drag the photo onto track 2, adjust its length to 5 s"),
        ("Try dragging the clip to the start.", "drag the clip to the start"),
        ("To start the music earlier, drag it to 0s.", "To start the music earlier, drag it to 0s"),
        ("Select the clip, then drag its right edge to 0:08.", "Select the clip, then drag its right edge to 0:08"),
        ("1. Drag the intro to 0s. 2. Drag the logo to 5s.", "Drag the intro to 0s. Drag the logo to 5s"),
        ("Drag the clip to 0:05, and I'll add music.", "Drag the clip to 0:05"),
        ("请拖拽音乐轨道到时间线0秒处。", "拖拽音乐轨道到时间线0秒处"),
        ("请把音乐拖到时间线，放在0秒处。", "把音乐拖到时间线，放在0秒处"),
        ("请将音乐、字幕拖放到第二条轨道。", "将音乐、字幕拖放到第二条轨道"),
        ("选中片段，然后拖动它的右边缘到8秒处。", "选中片段，拖动它的右边缘到8秒处"),
    ],
)  # fmt: skip
def test_an_edit_is_one_whole_instruction(said, edit):
    assert [deed for deed in shown(said).deeds if deed.kind is DeedKind.EDIT] == [Deed(DeedKind.EDIT, edit)]


@pytest.mark.parametrize(
    "said", ["Drag.", "Drag and drop.", "You can drag it.", "Now drag and drop them!", "拖拽。", "请拖放即可。"]
)
def test_a_drag_of_nothing_is_no_edit(said):
    assert [deed.kind for deed in shown(said).deeds] == [DeedKind.CLICK]


@pytest.mark.parametrize(
    "unit", ["drag, ", "，点击", "(click ", "( click)", "click “", "once export ", "can by clicking "]
)
def test_long_replies_do_not_cost_their_square(unit):
    assert shown(unit * 20_000).deeds is not None

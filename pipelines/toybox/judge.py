"""The judge: a small network that reads off a clip what it shows, trained on true renders (`train_judge`).

It sees five frames for what stands where, each thing close up for its shape, and the optical flow between all frames
(Kroeger et al., "Fast Optical Flow using Dense Inverse Search", 2016) for what moves. Clips of any length and size are
brought to `NUM_FRAMES` and the judge's own side first.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from pipelines.toybox.camera_moves import MOVES
from pipelines.toybox.scene import ACTIONS, COLOURS, GROUNDS, MOTIONS, PATTERNS, SHAPES, SKIES, Scene

Facts = Mapping[str, str]
Clips = npt.NDArray[np.uint8]

NUM_FRAMES = 17
LOOKS = (0, 4, 8, 12, 16)
NONE = "none"
SLOTS = ("", "second ", "third ")
WHOLE = ("ground", "sky", "camera", "count", "relation")
OF_A_THING = ("colour", "shape", "pattern", "motion")
PLACES = len(SLOTS) + 2
VIEW, REACH = 8, 0.6
"""The figure's surroundings: cells per side, and half their width as a share of half the picture's."""
CLOSE_UP, MARGIN = 32, 2.4
"""What is seen close up: pixels per side, and half its width in standard deviations of where the judge looks."""
WEIGHTS, ABOUT = "judge.safetensors", "judge.json"


def _heads() -> dict[str, tuple[str, ...]]:
    heads: dict[str, tuple[str, ...]] = {
        "ground": GROUNDS, "sky": SKIES, "camera": tuple(MOVES), "count": ("0", "1", "2", "3"),
        "relation": ("alone", "side by side", "behind", "on top of", "in a row"),
        "action": (NONE, *ACTIONS), "shirt": (NONE, *COLOURS), "trousers": (NONE, *COLOURS),
    }
    for slot in SLOTS:
        heads |= {f"{slot}colour": (NONE, *COLOURS), f"{slot}shape": (NONE, *SHAPES),
                  f"{slot}pattern": (NONE, *PATTERNS), f"{slot}motion": (NONE, *MOTIONS)}
    return heads


HEADS: Mapping[str, tuple[str, ...]] = MappingProxyType(_heads())
"""Every attribute that is read, and what it can be."""


def facts(scene: Scene) -> dict[str, str]:
    """What a clip of the scene shows, in words of `HEADS`.

    Things that stand beside each other are told from left to right, since "a left of b" and "b right of a" look alike.
    """
    things = scene.objects[::-1] if scene.relation == "right of" else scene.objects
    relation = "side by side" if scene.relation in ("left of", "right of") else scene.relation
    told = {"ground": scene.ground, "sky": scene.sky, "camera": scene.camera.kind, "count": str(len(things)),
            "relation": relation, "action": NONE, "shirt": NONE, "trousers": NONE}
    for number, slot in enumerate(SLOTS):
        for name in ("colour", "shape", "pattern", "motion"):
            told[f"{slot}{name}"] = getattr(things[number], name) if number < len(things) else NONE
    if scene.figure is not None:
        outfit = scene.figure.outfit
        told |= {"action": scene.figure.action, "shirt": outfit.shirt, "trousers": outfit.trousers}
    return told


def instances_of(scene: Scene) -> list[int | None]:
    """The instance numbers (`render.Rendered`) of what stands at each place of the judge's attention."""
    count = len(scene.objects)
    things: list[int | None] = [2 + place for place in range(count)]
    figure = None if scene.figure is None else 2 + count
    things = things[::-1] if scene.relation == "right of" else things
    return [*things, *[None] * (len(SLOTS) - count), figure, figure]


def mirrored(told: Facts) -> dict[str, str]:
    """The facts of the clip seen in a mirror."""
    order = list(SLOTS[: int(told["count"])])
    source = order[::-1] if told["relation"] in ("side by side", "in a row") else order
    turned = dict(told)
    for to, origin in zip(order, source, strict=True):
        for name in ("colour", "shape", "pattern", "motion"):
            turned[f"{to}{name}"] = told[f"{origin}{name}"]
    for name in ("camera", *(f"{slot}motion" for slot in SLOTS)):
        left, right = turned[name].endswith("left"), turned[name].endswith("right")
        stem = turned[name].rpartition(" ")[0]
        turned[name] = f"{stem} right" if left else f"{stem} left" if right else turned[name]
    return turned


def targets(told: Sequence[Facts]) -> Tensor:
    """The places of facts within their heads, int64 (B, heads)."""
    return torch.tensor([[HEADS[name].index(each[name]) for name in HEADS] for each in told])


@dataclass(frozen=True, kw_only=True)
class JudgeShape:
    """Sizes of the network; `side` in pixels, a multiple of 16."""

    side: int = 128
    width: int = 32
    memory: int = 128


@dataclass(frozen=True)
class Seen:
    """What the network is given: looks float (B, 5, 3, side, side) in -1..1, flows float (B, 16, 2, cells, cells).

    A flow cell is 4 pixels wide; flows are in cells per frame.
    """

    looks: Tensor
    flows: Tensor


def prepare(clips: Clips, side: int) -> Seen:
    """The judge's view of clips uint8 (B, T, H, W, 3): evenly chosen frames at its own side, and their flow."""
    picked = np.rint(np.linspace(0, clips.shape[1] - 1, NUM_FRAMES)).astype(int)
    small = np.stack([[_resized(clip[place], side) for place in picked] for clip in clips])
    looks = torch.from_numpy(small[:, list(LOOKS)]).permute(0, 1, 4, 2, 3).float().div(127.5).sub(1.0)
    return Seen(looks, torch.from_numpy(np.stack([flow_cells(clip) for clip in small])))


def _resized(frame: Clips, side: int) -> Clips:
    if frame.shape[:2] == (side, side):
        return frame
    way = cv2.INTER_AREA if min(frame.shape[:2]) > side else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(frame, (side, side), interpolation=way), np.uint8)


def flow_cells(frames: Clips) -> npt.NDArray[np.float32]:
    """Optical flow between neighbouring frames, averaged over cells of 4 pixels: (T - 1, 2, H / 4, W / 4) in cells."""
    method = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    greys = [cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY) for frame in frames]
    size = (frames.shape[2] // 4, frames.shape[1] // 4)
    flows = [method.calc(a, b, None) for a, b in zip(greys[:-1], greys[1:], strict=True)]
    cells = np.stack([cv2.resize(flow, size, interpolation=cv2.INTER_AREA) for flow in flows])
    return np.ascontiguousarray((cells / 4.0).transpose(0, 3, 1, 2), np.float32)


def _block(inside: int, outside: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    convolution = nn.Conv2d(inside, outside, size, stride=stride, padding=size // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outside), nn.ReLU(inplace=True))


@dataclass(frozen=True)
class Reading:
    """Scores (B, choices) of every attribute in the order of `HEADS`, and where the judge looked for them.

    attention: (B, 5 looks, 5 places, cells, cells), each place's sum 1: up to three things, then shirt and trousers.
    """

    scores: list[Tensor]
    attention: Tensor


class Judge(nn.Module):
    """Finds each thing by attention, and reads its colour, shape and motion off what is there."""

    def __init__(self, shape: JudgeShape) -> None:
        super().__init__()
        self.shape = shape
        width, memory, cells = shape.width, shape.memory, shape.side // 16
        self.look = nn.Sequential(
            nn.PixelUnshuffle(2), _block(12, width, 2), _block(width, width), _block(width, 2 * width, 2),
            _block(2 * width, 2 * width), _block(2 * width, 3 * width, 2), _block(3 * width, 3 * width // 2),
        )
        self.look_out = nn.Linear(3 * width // 2 * cells * cells, 2 * memory)
        self.flow = nn.Sequential(_block(2, width, 2), _block(width, 2 * width, 2), _block(2 * width, width))
        self.flow_out = nn.Linear(width * cells * cells, memory)
        self.time = nn.Sequential(
            nn.Conv1d(memory, memory, 3, padding=1), nn.BatchNorm1d(memory), nn.ReLU(inplace=True),
            nn.Conv1d(memory, memory, 3, stride=2, padding=1), nn.BatchNorm1d(memory), nn.ReLU(inplace=True),
            nn.Conv1d(memory, memory // 2, 1), nn.ReLU(inplace=True), nn.Flatten(),
        )
        together = 2 * memory * (len(LOOKS) + 1) + memory // 2 * (NUM_FRAMES // 2)
        self.join = nn.Sequential(
            nn.Linear(together, 2 * memory), nn.BatchNorm1d(2 * memory), nn.ReLU(inplace=True), nn.Dropout(0.1)
        )
        self.middle = _block(2 * width + 3 * width // 2, 2 * width, size=1)
        self.fine = _block(3 * width, 2 * width, size=1)
        self.attend = nn.Conv2d(2 * width, PLACES, 1)
        seen = (2 * width + 5) * (len(LOOKS) + 1) + 4 * (NUM_FRAMES - 1)
        self.thing = nn.Sequential(nn.Linear(seen, memory), nn.ReLU(inplace=True), nn.Dropout(0.1))
        self.dress = nn.Sequential(nn.Linear(seen, memory), nn.ReLU(inplace=True), nn.Dropout(0.1))
        self.body_in = _block(2 * width, width // 4, size=1)
        shown = (width // 4 * len(LOOKS) + NUM_FRAMES - 1) * VIEW * VIEW
        self.body = nn.Sequential(nn.Linear(shown, memory // 2), nn.ReLU(inplace=True))
        self.near = nn.Sequential(
            _block(3, width // 2, 2), _block(width // 2, width, 2), _block(width, width), nn.Flatten(),
            nn.Linear(width * (CLOSE_UP // 4) ** 2, memory // 2), nn.ReLU(inplace=True),
        )
        self.near_out = nn.Sequential(
            nn.Linear(memory // 2 * len(LOOKS), memory), nn.ReLU(inplace=True), nn.Dropout(0.1)
        )
        self.score = nn.Linear(2 * memory, _choices(WHOLE))
        self.score_action = nn.Linear(2 * memory + memory // 2 + memory, len(HEADS["action"]))
        self.score_dress = nn.Linear(memory + memory, len(HEADS["shirt"]))
        self.score_thing = nn.Linear(memory + 2 * memory + memory, _choices(OF_A_THING))

    def features(self, seen: Seen) -> Tensor:
        """What the judge makes of a clip as a whole, float (B, 2 * memory)."""
        return self._whole(seen, self._layers(seen)[-1])

    def forward(self, seen: Seen) -> Reading:
        """Everything the judge can say of prepared clips."""
        layers = self._layers(seen)
        whole, fine = self._whole(seen, layers[-1]), self._fine(layers)
        batch, cells = len(seen.looks), fine.shape[-1]
        attention = self.attend(fine).flatten(2).float().softmax(2).view(batch, len(LOOKS), PLACES, cells, cells)
        found, near = self._found(seen, fine, attention), self._near(seen, attention)
        scores = dict(zip(WHOLE, self.score(whole).split([len(HEADS[name]) for name in WHOLE], dim=1), strict=True))
        body = self._body(seen, fine, attention)
        scores["action"] = self.score_action(torch.cat([whole, body, near[:, -1]], 1))
        for place, name in enumerate(("shirt", "trousers"), start=len(SLOTS)):
            scores[name] = self.score_dress(torch.cat([self.dress(found[:, place]), near[:, -1]], 1))
        for place, slot in enumerate(SLOTS):
            told = self.score_thing(torch.cat([self.thing(found[:, place]), whole, near[:, place]], 1))
            parts = told.split([len(HEADS[name]) for name in OF_A_THING], dim=1)
            scores |= {f"{slot}{name}": part for name, part in zip(OF_A_THING, parts, strict=True)}
        return Reading([scores[name] for name in HEADS], attention)

    def _layers(self, seen: Seen) -> list[Tensor]:
        """The looks after every layer, (B * 5, channels, h, w)."""
        layers = [seen.looks.flatten(0, 1)]
        for layer in self.look:
            layers.append(layer(layers[-1]))
        return layers

    def _whole(self, seen: Seen, last: Tensor) -> Tensor:
        batch = len(seen.looks)
        looks = F.relu(self.look_out(last.flatten(1))).view(batch, len(LOOKS), -1)
        flows = F.relu(self.flow_out(self.flow(seen.flows.flatten(0, 1)).flatten(1))).view(batch, NUM_FRAMES - 1, -1)
        parts = (looks.flatten(1), looks.mean(1), self.time(flows.transpose(1, 2)))
        joined: Tensor = self.join(torch.cat(parts, dim=1))
        return joined

    def _fine(self, layers: list[Tensor]) -> Tensor:
        """Small things with what is around them, (B * 5, 2 * width, side / 4, side / 4)."""
        middle = self.middle(torch.cat([layers[5], F.interpolate(layers[7], size=layers[5].shape[2:])], 1))
        fine: Tensor = self.fine(torch.cat([layers[3], F.interpolate(middle, size=layers[3].shape[2:])], 1))
        return fine

    def _found(self, seen: Seen, fine: Tensor, attention: Tensor) -> Tensor:
        """What is at each place, (B, places, F): features, colour, position, and motion with that around it."""
        batch, looks, places = attention.shape[:3]
        colours = F.avg_pool2d(seen.looks.flatten(0, 1), 4)
        grid = _grid(fine.shape[-1]).to(fine).expand(len(fine), -1, -1, -1)
        known = torch.cat([fine.float(), colours, grid], 1).view(batch, looks, -1, *fine.shape[2:])
        there = torch.einsum("blphw,blchw->bplc", attention, known)
        nearest = _nearest_looks()
        around = F.avg_pool2d(attention.flatten(0, 1), 7, 1, 3).view_as(attention)
        around = around / around.sum((3, 4), keepdim=True).clamp_min(1e-6)
        moves = [torch.einsum("btphw,btchw->bptc", field[:, nearest], seen.flows) for field in (attention, around)]
        mean = there.mean(2)
        return torch.cat([there.flatten(2), mean, moves[0].flatten(2), (moves[0] - moves[1]).flatten(2)], 2)

    def _near(self, seen: Seen, attention: Tensor) -> Tensor:
        """Each thing and the figure close up, cut out of the looks where and as large as found, (B, 4, memory)."""
        figure = attention[:, :, len(SLOTS) :].mean(2, keepdim=True)
        where = torch.cat([attention[:, :, : len(SLOTS)], figure], 2).detach()
        grid = _grid(where.shape[-1]).to(where)[0]
        middle, square = (torch.einsum("blphw,chw->bplc", where, each) for each in (grid, grid * grid))
        spread = (square - middle * middle).amax(-1).clamp_min(1e-4).sqrt()
        reach = (MARGIN * spread).clamp(0.1, 1.0)[..., None, None, None]
        spots = middle[..., None, None, :] + reach * _grid(CLOSE_UP).to(where)[0].permute(1, 2, 0)
        looks = seen.looks[:, None].expand(-1, where.shape[2], -1, -1, -1, -1)
        cut = F.grid_sample(looks.flatten(0, 2), spots.flatten(0, 2), align_corners=False)
        near: Tensor = self.near_out(self.near(cut).view(*where.shape[:1], where.shape[2], -1))
        return near

    def _body(self, seen: Seen, fine: Tensor, attention: Tensor) -> Tensor:
        """The figure's surroundings, cut out of looks and of every second flow where it was found, (B, memory / 2)."""
        batch = len(attention)
        figure = attention[:, :, len(SLOTS) :].mean(2).detach()
        grid = _grid(fine.shape[-1]).to(figure)
        middle = torch.einsum("blhw,chw->blc", figure, grid[0])
        window = REACH * _grid(VIEW).to(figure)[0].permute(1, 2, 0)
        spots = middle[:, :, None, None] + window
        cut = F.grid_sample(self.body_in(fine).float(), spots.flatten(0, 1), align_corners=False)
        spots = spots[:, _nearest_looks()[::2]].flatten(0, 1)
        moved = F.grid_sample(seen.flows[:, ::2].flatten(0, 1), spots, align_corners=False)
        body: Tensor = self.body(torch.cat([cut.view(batch, -1), moved.view(batch, -1)], 1))
        return body

    @torch.inference_mode()
    def read(self, clips: Clips, batch: int = 16) -> list[dict[str, str]]:
        """The facts of clips uint8 (B, T, H, W, 3). The module must be in eval mode."""
        told: list[dict[str, str]] = []
        for start in range(0, len(clips), batch):
            scores = self(prepare(clips[start : start + batch], self.shape.side)).scores
            best = torch.stack([head.argmax(1) for head in scores], dim=1).tolist()
            told += [{name: HEADS[name][place] for name, place in zip(HEADS, row, strict=True)} for row in best]
        return told

    @torch.inference_mode()
    def describe(self, clips: Clips, batch: int = 16) -> npt.NDArray[np.float64]:
        """Features (B, F) of clips, for distances between sets of them."""
        parts = [self.features(prepare(clips[start : start + batch], self.shape.side)).double().numpy()
                 for start in range(0, len(clips), batch)]
        return np.concatenate(parts)


def _grid(size: int) -> Tensor:
    """Positions (1, 2, size, size), x and y in -1..1 as `grid_sample` takes them."""
    line = (torch.arange(size) + 0.5) / size * 2.0 - 1.0
    down, across = torch.meshgrid(line, line, indexing="ij")
    return torch.stack([across, down])[None]


def _nearest_looks() -> list[int]:
    """For every flow the look that is nearest in time."""
    return [min(range(len(LOOKS)), key=lambda k: abs(LOOKS[k] - t)) for t in range(NUM_FRAMES - 1)]


def _choices(names: Sequence[str]) -> int:
    return sum(len(HEADS[name]) for name in names)


def save_judge(judge: Judge, folder: Path, mixture: str) -> None:
    """Write the weights in 16 bits, and beside them the shape and the mixture of scenes (`sampling`) it knows."""
    folder.mkdir(parents=True, exist_ok=True)
    halves = {name: value.half() if value.is_floating_point() else value for name, value in judge.state_dict().items()}
    save_file({name: value.contiguous() for name, value in halves.items()}, folder / WEIGHTS)
    heads = {name: list(names) for name, names in HEADS.items()}
    about = {"mixture": mixture, "shape": asdict(judge.shape), "heads": heads}
    (folder / ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def mixture_of(folder: Path) -> str:
    """The name of the mixture of scenes that the judge of a folder knows."""
    return str(json.loads((folder / ABOUT).read_text(encoding="utf-8"))["mixture"])


def load_judge(folder: Path) -> Judge:
    """The judge of a folder, in float32 and eval mode. Raises ValueError where it names other things than `HEADS`."""
    about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    if {name: tuple(names) for name, names in about["heads"].items()} != dict(HEADS):
        raise ValueError(f"The judge in {folder} was trained on another world: train it again.")
    judge = Judge(JudgeShape(**about["shape"]))
    judge.load_state_dict({name: value.float() if value.is_floating_point() else value
                           for name, value in load_file(folder / WEIGHTS).items()})
    return judge.eval()

import pytest

from capenh_pipeline.demo.cell_head import build_cell_head, cell_loss
from capenh_pipeline.demo.florence import build_model, build_processor
from capenh_pipeline.demo.scenes import Figure, Scene

FIGURE = Figure("small", "red", "circle", 0, 1)


@pytest.mark.parametrize(
    "other",
    [
        Figure("small", "red", "circle", 1, 0),
        Figure("large", "red", "circle", 0, 1),
        Figure("small", "blue", "circle", 0, 1),
        Figure("small", "red", "square", 0, 1),
    ],
    ids=["place", "size", "color", "shape"],
)
def test_the_head_learns_what_stands_where(torch, other):
    scenes = [Scene("white", (FIGURE,)), Scene("white", (other,))]
    head = build_cell_head(build_model(build_processor().tokenizer), 17)
    features = torch.randn(2, 17, 128)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.01)
    for _ in range(30):
        loss = cell_loss(head, features, scenes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert cell_loss(head, features, scenes) < 0.05
    assert cell_loss(head, features, scenes[::-1]) > 0.5

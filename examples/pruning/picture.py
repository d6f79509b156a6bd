"""A picture of accuracy against speed."""
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 900, 560, 90, 40, 60, 80
COLORS = ("#c0504d", "#d99a2b", "#1f5fa8")


def draw(path, names, speeds, curves):
    """One curve for each entry of `curves`, a list of accuracies for the speeds."""
    image = Image.new("RGB", (WIDTH, HEIGHT), "white")
    canvas, font = ImageDraw.Draw(image), ImageFont.load_default(18)
    low = min(min(curve) for curve in curves.values())
    low = max(0, int(low * 10) / 10)
    most = max(speeds) * 1.08

    def place(speed, accuracy):
        x = LEFT + (speed - 1) / (most - 1) * (WIDTH - LEFT - RIGHT)
        return x, HEIGHT - BOTTOM - (accuracy - low) / (1 - low) * (HEIGHT - TOP - BOTTOM)

    for tenth in range(round(low * 10), 11):
        (x, y), (end, _) = place(1, tenth / 10), place(most, tenth / 10)
        canvas.line((x, y, end, y), fill="#dddddd")
        canvas.text((x - 12, y), f"{tenth * 10}%", fill="black", font=font, anchor="rm")
    step = 1 if most < 8 else 2
    for speed in range(1, int(most) + 1, step):
        x, y = place(speed, low)
        canvas.line((x, TOP, x, y), fill="#dddddd")
        canvas.text((x, y + 12), f"{speed}x", fill="black", font=font, anchor="mt")
    canvas.text((WIDTH / 2, HEIGHT - 28), "times as fast as the whole network", fill="black", font=font, anchor="mm")
    canvas.text((LEFT, 30), "accuracy on unseen digits", fill="black", font=font, anchor="lm")
    right = WIDTH - RIGHT
    for number, (label, curve) in reversed(list(enumerate(curves.items()))):
        points = [place(speed, accuracy) for speed, accuracy in zip(speeds, curve)]
        color = COLORS[number]
        canvas.line(points, fill=color, width=3)
        for x, y in points:
            canvas.ellipse((x - 5, y - 5, x + 5, y + 5), fill=color)
        canvas.text((right, 30), label, fill=color, font=font, anchor="rm")
        right -= font.getlength(label) + 24
    last = 0  # names that would lie on others are left out
    for name, speed, accuracy in zip(names, speeds, list(curves.values())[-1]):
        x, y = place(speed, accuracy)
        if x < last + 55:
            continue
        canvas.text((x, y - 10), name, fill="black", font=font, anchor="mb")
        last = x
    image.save(path)

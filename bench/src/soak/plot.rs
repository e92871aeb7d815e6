//! Series over time as an SVG: what a terminal can't show.

use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
/// Room for numbers at the left, and for the title.
const LEFT: f64 = 70.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 25.0;
const LINES: u32 = 4;

/// One curve, of a sample a second.
pub(super) struct Series<'a> {
    pub(super) title: &'a str,
    pub(super) samples: &'a [f64],
}

/// Curves below each other; what is left of `warm_up`, in seconds, is grey.
pub(super) fn svg(series: &[Series<'_>], warm_up: usize) -> String {
    let mut svg = String::new();
    let height = HEIGHT * count(series.len());
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>"
    );
    for (at, one) in series.iter().enumerate() {
        let _ = writeln!(svg, "<g transform=\"translate(0 {})\">", HEIGHT * count(at));
        curve(&mut svg, one, warm_up);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn curve(svg: &mut String, Series { title, samples }: &Series<'_>, warm_up: usize) {
    let top = samples.iter().copied().fold(0.0, f64::max).max(1.0) * 1.1;
    let (width, height) = (WIDTH - LEFT - 10.0, HEIGHT - TOP - BOTTOM);
    let x = |second: usize| LEFT + width * count(second) / count(samples.len().max(2) - 1);
    let y = |value: f64| TOP + height * (1.0 - value / top);
    let (left, right, bottom) = (LEFT, LEFT + width, TOP + height);
    let _ = writeln!(
        svg,
        "<text x=\"{left}\" y=\"18\" font-weight=\"bold\">{title}</text>\n<rect x=\"{left}\" y=\"{TOP}\" width=\"{:.1}\" \
         height=\"{height}\" fill=\"#eee\"/>",
        x(warm_up.min(samples.len().max(1) - 1)) - left
    );
    for line in 0..=LINES {
        let value = top * f64::from(line) / f64::from(LINES);
        let at = y(value);
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" y1=\"{at:.1}\" x2=\"{right}\" y2=\"{at:.1}\" stroke=\"#ccc\"/>\n<text x=\"{:.1}\" \
             y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            left - 6.0,
            at + 4.0
        );
    }
    let points =
        samples.iter().enumerate().map(|(second, value)| format!("{:.1},{:.1}", x(second), y(*value)));
    let points = points.collect::<Vec<_>>().join(" ");
    let _ = writeln!(
        svg,
        "<polyline points=\"{points}\" fill=\"none\" stroke=\"#06c\" stroke-width=\"1.5\"/>\n<text x=\"{right}\" \
         y=\"{:.1}\" text-anchor=\"end\">{} s</text>",
        bottom + 16.0,
        samples.len()
    );
}

#[allow(clippy::cast_precision_loss, reason = "a place in a picture")]
fn count(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curve_has_a_point_a_second_within_the_picture() {
        let samples = [10.0, 20.0, 15.0];
        let picture =
            svg(&[Series { title: "memory", samples: &samples }, Series { title: "files", samples: &[] }], 1);
        let (_, points) = picture.split_once("points=\"").unwrap();
        let (points, _) = points.split_once('"').unwrap();
        let points: Vec<(f64, f64)> = points
            .split(' ')
            .map(|point| {
                point.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap()
            })
            .collect();
        assert_eq!(points.len(), 3);
        assert!(
            points.is_sorted_by(|a, b| a.0 < b.0) && points[1].1 < points[2].1 && points[2].1 < points[0].1
        );
        assert!(points.iter().all(|(x, y)| (0.0..=WIDTH).contains(x) && (0.0..=HEIGHT).contains(y)));
    }
}

//! The chart: nanoseconds per record, a group of bars for each load.

use anyhow::{Result, anyhow};
use bench::load::LOADS;
use plotters::prelude::*;

use crate::document::CONTENDERS;
use crate::results::Results;

const SIZE: (u32, u32) = (1_000, 520);
/// The axis is logarithmic and begins here: no contender is faster.
const LEAST: f64 = 1.0;
/// One for each contender, in their order; told apart also by those who do not see red and green alike.
const COLORS: [RGBColor; CONTENDERS.len()] = [
    RGBColor(0, 114, 178),
    RGBColor(230, 159, 0),
    RGBColor(213, 94, 0),
    RGBColor(204, 121, 167),
    RGBColor(0, 158, 115),
    RGBColor(86, 180, 233),
    RGBColor(120, 120, 120),
];
/// Of a group's width, what stays empty.
const GAP: f64 = 0.15;

/// The chart as SVG.
pub(crate) fn chart(results: &Results) -> Result<String> {
    let mut svg = String::new();
    draw(results, &mut svg).map_err(|error| anyhow!("cannot draw the chart: {error}"))?;
    Ok(svg)
}

fn draw(results: &Results, svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let all = results.values().flat_map(|row| row.values());
    let most = all.map(|measured| measured.median).fold(10.0, f64::max) * 1.3;
    let groups = LOADS.map(|load| load.name());
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let right = f64::from(u32::try_from(groups.len())?);
    let mut chart = ChartBuilder::on(&area)
        .caption("Nanoseconds per record (logarithmic; less is better)", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(56)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..right, (LEAST..most).log_scale())?;
    chart.configure_mesh().disable_x_mesh().disable_x_axis().y_desc("ns").draw()?;
    let width = (1.0 - GAP) / f64::from(u32::try_from(CONTENDERS.len())?);
    for ((name, color), place) in CONTENDERS.into_iter().zip(COLORS).zip(0_u32..) {
        let bars = groups.iter().zip(0_u32..).filter_map(|(group, index)| {
            let median = results.get(group)?.get(name)?.median;
            let left = f64::from(index) + GAP / 2.0 + width * f64::from(place);
            Some(Rectangle::new([(left, LEAST), (left + width * 0.9, median)], color.filled()))
        });
        chart
            .draw_series(bars)?
            .label(name)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    // Names under the groups, a line for each part.
    let (plot_left, plot_right) = (70.0, f64::from(SIZE.0) - 12.0);
    for (group, index) in groups.iter().zip(0_u32..) {
        let middle = plot_left + (plot_right - plot_left) * (f64::from(index) + 0.5) / right;
        let style = ("sans-serif", 13).into_font().color(&BLACK);
        for (part, line) in group.split(", ").zip(0_i32..) {
            #[expect(clippy::cast_possible_truncation, reason = "a place in the picture")]
            let at = (middle as i32 - 42, 456 + 17 * line);
            area.draw(&Text::new(part.to_owned(), at, style.clone()))?;
        }
    }
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}

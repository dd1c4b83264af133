//! The chart of growth: nanoseconds per write in the driver, a line for each thing that there can be much of.

use anyhow::{Result, anyhow};
use bench::measures::Growth;
use plotters::prelude::*;

const SIZE: (u32, u32) = (1_000, 420);
/// The axis of sizes begins here, and so does what there is none of.
const LEAST: f64 = 1.0;
/// Told apart also by those who do not see red and green alike.
const COLORS: [RGBColor; 4] =
    [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115), RGBColor(204, 121, 167)];
/// Above the highest point, what stays empty.
const AIR: f64 = 1.5;

/// The chart as SVG.
pub(crate) fn chart(growth: &[Growth]) -> Result<String> {
    let mut svg = String::new();
    draw(growth, &mut svg).map_err(|error| anyhow!("cannot draw the chart: {error}"))?;
    Ok(svg)
}

#[expect(clippy::cast_precision_loss, reason = "far less than 2^52")]
fn draw(growth: &[Growth], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let points = || growth.iter().flat_map(|growth| &growth.points);
    let largest = points().map(|point| point.size as f64).fold(10.0, f64::max);
    let longest = points().map(|point| point.driver.median).fold(1.0, f64::max);
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption("Nanoseconds per write in the driver (less and flat is better)", ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(56)
        .build_cartesian_2d((LEAST..largest).log_scale(), 0.0..longest * AIR)?;
    chart.configure_mesh().y_desc("ns").x_desc("how many (logarithmic)").draw()?;
    for (Growth { of, points }, color) in growth.iter().zip(COLORS.into_iter().cycle()) {
        let places: Vec<_> =
            points.iter().map(|point| ((point.size as f64).max(LEAST), point.driver.median)).collect();
        chart
            .draw_series(LineSeries::new(places.iter().copied(), color.stroke_width(2)))?
            .label(of)
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], color.filled()));
        chart.draw_series(places.into_iter().map(|place| Circle::new(place, 3, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .draw()?;
    area.present()?;
    drop(chart);
    drop(area);
    Ok(())
}

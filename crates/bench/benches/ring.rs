//! The ring against others: time per record.

use std::hint::black_box;

use bench::contender::{ArrayQueue, AuditRing, Channel, Contender, Floor, LockedList, LockedRing, ThingBuf};
use bench::load::{LOADS, Load};
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};

fn measure<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>, load: Load) {
    let Some(contender) = C::new(load.producers, load.when_full) else { return };
    group.bench_function(C::NAME, |bencher| {
        bencher.iter_custom(|records| load.run(black_box(&contender), records));
    });
}

fn ring(criterion: &mut Criterion) {
    for load in LOADS {
        let mut group = criterion.benchmark_group(load.name());
        group.throughput(Throughput::Elements(1));
        measure::<AuditRing>(&mut group, load);
        measure::<ArrayQueue>(&mut group, load);
        measure::<LockedRing>(&mut group, load);
        measure::<LockedList>(&mut group, load);
        measure::<Channel>(&mut group, load);
        measure::<ThingBuf>(&mut group, load);
        if !load.consumer {
            measure::<Floor>(&mut group, load);
        }
        group.finish();
    }
}

criterion_group!(benches, ring);
criterion_main!(benches);

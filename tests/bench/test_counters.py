from bench.counters import Counter, Counters


def test_what_one_process_counts_another_mapping_of_the_file_sees(tmp_path):
    with Counters(tmp_path / "c", create=True) as writer, Counters(tmp_path / "c") as reader:
        writer.words[Counter.OPENED] += 3
        writer.words[Counter.CLOSED] += 1
        assert reader[Counter.OPENED] == 3
        assert reader.open_sessions == 2

// Prints what HdrHistogram's own reader finds in a log, one JSON object a line.
// java -cp hdrhistogram.jar HdrLogReader.java histograms.hlog

import java.io.File;
import java.util.Locale;
import org.HdrHistogram.EncodableHistogram;
import org.HdrHistogram.Histogram;
import org.HdrHistogram.HistogramLogReader;

public class HdrLogReader {
    public static void main(String[] arguments) throws Exception {
        HistogramLogReader reader = new HistogramLogReader(new File(arguments[0]));
        EncodableHistogram read;
        while ((read = reader.nextIntervalHistogram()) != null) {
            Histogram h = (Histogram) read;
            System.out.printf(
                Locale.US,
                "{\"tag\":\"%s\",\"start_ms\":%d,\"length_ms\":%d,\"count\":%d,"
                    + "\"p50\":%d,\"p99\":%d,\"max\":%d,\"mean\":%f}%n",
                h.getTag(),
                h.getStartTimeStamp(),
                h.getEndTimeStamp() - h.getStartTimeStamp(),
                h.getTotalCount(),
                h.getValueAtPercentile(50),
                h.getValueAtPercentile(99),
                h.getMaxValue(),
                h.getMean());
        }
    }
}

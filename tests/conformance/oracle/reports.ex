defmodule Conformance.Reports do
  @moduledoc "A handler of logs: has a scenario see what its supervisors and stages report, in the order of what they do."

  alias Conformance.{Canonical, World}

  @doc "Hear what is logged, in place of all others."
  def hear do
    for id <- :logger.get_handler_ids(), do: :logger.remove_handler(id)
    :ok = :logger.set_primary_config(:level, :warning)
    :ok = :logger.add_handler(__MODULE__, __MODULE__, %{})
  end

  @doc "Called in the process that logs."
  def log(%{msg: {:report, %{label: {:supervisor, context}, report: report}}}, _) do
    if name = Process.get(:reports_as) do
      World.saw(name, name, [:report, context, report[:offender][:id], Canonical.term(report[:reason])])
    end
  end

  def log(%{level: level, msg: {:report, %{label: {:gen_server, :terminate}} = report}}, _) do
    if hearer = Process.get(:logs_to) do
      said = [reason(report.reason), Canonical.term(report.state), last(report.last_message)]
      World.saw(hearer, World.label(), [:logged, level | said])
    end
  end

  def log(%{level: level, msg: {:report, %{label: {:error_logger, _}, format: format, args: args}}}, _) do
    if Process.get(:logs) do
      said = format |> List.to_string() |> String.trim_trailing("~n") |> String.to_atom()
      World.saw(World.label(), World.label(), [:logged, level, said, Enum.filter(args, &is_integer/1)])
    end
  end

  def log(_, _), do: :ok

  # An exit is logged with where it was.
  defp reason({reason, [{_, _, _, _} | _]}) when not is_exception(reason), do: Canonical.term(reason)
  defp reason(reason), do: Canonical.term(reason)

  defp last({:"$gen_cast", message}), do: last(message)
  defp last({:ops, _, ops}), do: ops
  defp last({:msg, _, value}), do: value
  defp last(_), do: nil
end
